"""Where an administrator has the estate read."""

from django.urls import path

from portal.estate import views

urlpatterns = [path("verify/read/", views.read_now, name="estate-read")]
