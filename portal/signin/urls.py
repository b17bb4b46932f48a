"""Signing in and out."""

from django.urls import path, register_converter

from portal.signin import browsers, stepup, views
from portal.signin.entra import views as entra


class Handle:
    """The first characters of a session's key in the database."""

    regex = "[0-9a-f]{16}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(Handle, "handle")

urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/demo/", views.demo_sign_in, name="demo-sign-in"),
    path("sign-in/again/", stepup.again, name="step-up"),
    path("sign-in/again/entra/", entra.start_again, name="entra-again"),
    path("sign-in/entra/", entra.start, name="entra-start"),
    path("sign-in/entra/callback/", entra.callback, name="entra-callback"),
    path("sign-in/entra/refused/", entra.refused, name="entra-refused"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("signed-out/", views.signed_out, name="signed-out"),
    path("me/browsers/", browsers.mine, name="browsers"),
    path("me/browsers/end-others/", browsers.end_others, name="browsers-end-others"),
    path("me/browsers/<handle:handle>/end/", browsers.end, name="browser-end"),
    path("people/<int:pk>/browsers/", browsers.of_person, name="person-browsers"),
]
