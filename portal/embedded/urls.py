"""What only the demo has."""

from django.urls import path

from portal.embedded import mailbox

urlpatterns = [path("demo/mail/", mailbox.mailbox, name="demo-mail")]
