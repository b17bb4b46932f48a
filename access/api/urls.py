"""The API's addresses, under ``/api/v1/``."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from access.api import (
    comments,
    devices,
    exports,
    grants,
    ledger,
    machines,
    me,
    policies,
    requests,
    schema,
    sessions,
)
from access.models.requests import REFERENCE_PREFIX

router = SimpleRouter()
router.register("machines", machines.MachineViewSet, basename="api-machine")
router.register("requests", requests.RequestViewSet, basename="api-request")
router.register(
    rf"requests/(?P<reference>{REFERENCE_PREFIX}\d{{6,18}})/comments",
    comments.CommentViewSet,
    basename="api-comment",
)
router.register("grants", grants.GrantViewSet, basename="api-grant")
router.register("sessions", sessions.SessionViewSet, basename="api-session")
router.register("policies", policies.PolicyViewSet, basename="api-policy")
router.register("ledger", ledger.LedgerViewSet, basename="api-ledger")
router.register("tokens", me.TokenViewSet, basename="api-token")

urlpatterns = [
    path("me/", me.Me.as_view(), name="api-me"),
    path("device/", devices.DeviceView.as_view(), name="api-device"),
    path("device/token/", devices.DeviceTokenView.as_view(), name="api-device-token"),
    path("exports/ledger.csv", exports.LedgerExport.as_view(), name="api-export-ledger"),
    path("exports/requests.csv", exports.RequestExport.as_view(), name="api-export-requests"),
    path("exports/grants.csv", exports.GrantExport.as_view(), name="api-export-grants"),
    path("", include(router.urls)),
    path("schema/", schema.Schema.as_view(), name="api-schema"),
]
