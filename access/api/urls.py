"""The API's addresses, under ``/api/v1/``."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from access.api import comments, policies, requests, sessions, views
from access.models.requests import REFERENCE_PREFIX

router = SimpleRouter()
router.register("machines", views.MachineViewSet, basename="api-machine")
router.register("requests", requests.RequestViewSet, basename="api-request")
router.register(
    rf"requests/(?P<reference>{REFERENCE_PREFIX}\d{{6,18}})/comments",
    comments.CommentViewSet,
    basename="api-comment",
)
router.register("grants", views.GrantViewSet, basename="api-grant")
router.register("sessions", sessions.SessionViewSet, basename="api-session")
router.register("policies", policies.PolicyViewSet, basename="api-policy")
router.register("ledger", views.LedgerViewSet, basename="api-ledger")

urlpatterns = [
    path("", include(router.urls)),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
]
