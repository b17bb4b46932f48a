"""All that the vendors' own host name serves, beside static files."""

from django.urls import include, path

urlpatterns = [
    path("visit/", include("links.visiting.urls")),
    path("", include("portal.health.urls")),
]

handler400 = "portal.web.problems.bad_request"
handler403 = "portal.web.problems.forbidden"
handler404 = "portal.web.problems.not_found"
handler500 = "portal.web.problems.server_error"
