"""All addresses of the portal."""

from django.conf import settings
from django.urls import include, path

urlpatterns = [
    path("", include("access.urls")),
    path("", include("portal.signin.urls")),
    path("", include("portal.estate.urls")),
    path("", include("portal.capacity.urls")),
    path("", include("jit.outside.urls")),
    path("", include("jit.urls")),
    path("", include("links.sponsoring.urls")),
    path("visit/", include("links.visiting.urls")),
    path("", include("portal.health.urls")),
    path("", include("portal.metrics.urls")),
    path("", include("portal.operations.urls")),
    path("api/v1/", include("access.api.urls")),
    path("api/v1/", include("links.api.urls")),
]

if settings.DEMO_MAIL:
    urlpatterns.append(path("", include("portal.embedded.urls")))

handler400 = "portal.web.problems.bad_request"
handler403 = "portal.web.problems.forbidden"
handler404 = "portal.web.problems.not_found"
handler500 = "portal.web.problems.server_error"
