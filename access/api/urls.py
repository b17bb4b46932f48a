"""The API's addresses, under ``/api/v1/``."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from access.api import sessions, views

router = SimpleRouter()
router.register("machines", views.MachineViewSet, basename="api-machine")
router.register("requests", views.RequestViewSet, basename="api-request")
router.register("grants", views.GrantViewSet, basename="api-grant")
router.register("sessions", sessions.SessionViewSet, basename="api-session")
router.register("ledger", views.LedgerViewSet, basename="api-ledger")

urlpatterns = [
    path("", include(router.urls)),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
]
