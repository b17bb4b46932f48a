"""The addresses of the vendor's pages, under ``visit/``. A token is none of these words."""

from django.urls import path

from links.visiting.views import arriving, branding, code, leaving, longer, session, terms

urlpatterns = [
    path("brand.css", branding.style, name="visit-brand"),
    path("logo", branding.logo, name="visit-logo"),
    path("language/", branding.language, name="visit-language"),
    path("code/", code.code, name="visit-code"),
    path("code/again/", code.again, name="visit-again"),
    path("terms/", terms.terms, name="visit-terms"),
    path("session/", session.session, name="visit-session"),
    path("open/", session.open_session, name="visit-open"),
    path("finish/", session.finish, name="visit-finish"),
    path("more-time/", longer.more_time, name="visit-more-time"),
    path("leave/", leaving.leave, name="visit-leave"),
    path("left/", leaving.left, name="visit-left"),
    path("<str:token>/", arriving.landing, name="visit"),
    path("<str:token>/code/", arriving.send, name="visit-send"),
]
