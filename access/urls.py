"""The pages' addresses."""

from django.urls import path, register_converter

from access.models.requests import REFERENCE_PREFIX
from access.views import (
    ask,
    connect,
    drift,
    grants,
    home,
    ledger,
    lists,
    machines,
    me,
    preflight,
    requests,
    sessions,
    verify,
)


class Reference:
    """``BA-000123``, in its one spelling, as the request's number."""

    regex = REFERENCE_PREFIX + r"(?:\d{6}|[1-9]\d{6,17})"

    def to_python(self, value: str) -> int:
        return int(value.removeprefix(REFERENCE_PREFIX))

    def to_url(self, value: str) -> str:
        return value


register_converter(Reference, "reference")

urlpatterns = [
    path("", home.home, name="home"),
    path("machines/", machines.machines, name="machines"),
    path("requests/", lists.mine, name="requests"),
    path("requests/new/", ask.ask, name="request-new"),
    path("requests/new/preview/", ask.preview, name="request-preview"),
    path("requests/new/preflight/", preflight.preflight, name="request-preflight"),
    path("requests/<reference:pk>/", requests.detail, name="request"),
    path("requests/<reference:pk>/live/", requests.live, name="request-live"),
    path("requests/<reference:pk>/approve/", requests.approve, name="request-approve"),
    path("requests/<reference:pk>/deny/", requests.deny, name="request-deny"),
    path("requests/<reference:pk>/withdraw/", requests.withdraw, name="request-withdraw"),
    path("grants/<int:pk>/end/", grants.end, name="grant-end"),
    path("grants/<int:pk>/script/<slug:language>/", connect.script, name="grant-script"),
    path("approvals/", lists.approvals, name="approvals"),
    path("open/", lists.open_now, name="open-now"),
    path("sessions/<int:pk>/disconnect/", sessions.disconnect, name="session-disconnect"),
    path("drift/", drift.drift, name="drift"),
    path("drift/<int:pk>/remove/", drift.remove, name="drift-remove"),
    path("verify/", verify.verify, name="verify"),
    path("ledger/", ledger.ledger, name="ledger"),
    path("me/", me.me, name="settings"),
    path("theme/", me.theme, name="theme"),
]
