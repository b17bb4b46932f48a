"""The pages' addresses."""

from django.urls import path, register_converter

from access.models.requests import REFERENCE_PREFIX
from access.views import (
    approvals,
    ask,
    break_glass,
    bulk_deny,
    calendar,
    changing,
    comments,
    connect,
    deciding,
    deputies,
    devices,
    drift,
    grants,
    home,
    ledger,
    lists,
    lockdowns,
    machines,
    me,
    notices,
    people,
    policies,
    policy_editor,
    preflight,
    requests,
    restorations,
    reviews,
    sessions,
    simulator,
    tokens,
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
    path("requests/<reference:pk>/approve/", deciding.approve, name="request-approve"),
    path("requests/<reference:pk>/deny/", deciding.deny, name="request-deny"),
    path("requests/<reference:pk>/withdraw/", changing.withdraw, name="request-withdraw"),
    path("requests/<reference:pk>/confirm/", deciding.confirm, name="request-confirm"),
    path("requests/<reference:pk>/change/", changing.change, name="request-change"),
    path("requests/<reference:pk>/extend/", changing.extend, name="request-extend"),
    path("requests/<reference:pk>/comment/", comments.comment, name="request-comment"),
    path("requests/<reference:pk>/ask-back/", comments.ask_back, name="request-ask-back"),
    path("requests/<reference:pk>/answer/", comments.answer, name="request-answer"),
    path("requests/<reference:pk>/calendar.ics", calendar.ics, name="request-calendar"),
    path("grants/<int:pk>/end/", grants.end, name="grant-end"),
    path("grants/<int:pk>/script/<slug:language>/", connect.script, name="grant-script"),
    path("approvals/", approvals.approvals, name="approvals"),
    path("approvals/deny/", bulk_deny.deny_several, name="approvals-deny"),
    path("open/", lists.open_now, name="open-now"),
    path("break-glass/", break_glass.break_glass, name="break-glass"),
    path("reviews/", reviews.reviews, name="reviews"),
    path("reviews/approvals/", reviews.approval_pairs, name="reviews-approvals"),
    path("reviews/approvals.csv", reviews.approval_pairs_csv, name="reviews-approvals-csv"),
    path("reviews/<reference:pk>/", reviews.review, name="review"),
    path("sessions/<int:pk>/disconnect/", sessions.disconnect, name="session-disconnect"),
    path("restorations/<int:pk>/", restorations.restoration, name="restoration"),
    path("drift/", drift.drift, name="drift"),
    path("drift/<int:pk>/remove/", drift.remove, name="drift-remove"),
    path("people/", people.people, name="people"),
    path("people/tokens/", tokens.everybodys, name="people-tokens"),
    path("policies/", policies.policies, name="policies"),
    path("policies/new/", policy_editor.propose, name="policy-new"),
    path("policies/simulator/", simulator.simulator, name="policy-simulator"),
    path("policies/<int:number>/", policies.version, name="policy-version"),
    path("policies/<int:number>/difference/", policies.difference, name="policy-difference"),
    path("policies/<int:number>/export/", policies.export, name="policy-export"),
    path("policies/<int:number>/approve/", policies.put_in_force, name="policy-put-in-force"),
    path("policies/<int:number>/reject/", policies.reject, name="policy-reject"),
    path("policies/<int:number>/withdraw/", policies.withdraw, name="policy-withdraw"),
    path("verify/", verify.verify, name="verify"),
    path("ledger/", ledger.ledger, name="ledger"),
    path("notices/", notices.notices, name="notices"),
    path("notices/<int:pk>/", notices.notice, name="notice"),
    path("notices/<int:pk>/retry/", notices.retry, name="notice-retry"),
    path("notices/endpoints/new/", notices.add, name="endpoint-new"),
    path("notices/endpoints/<int:pk>/", notices.edit, name="endpoint"),
    path("notices/endpoints/<int:pk>/switch/", notices.switch, name="endpoint-switch"),
    path("notices/endpoints/<int:pk>/test/", notices.test, name="endpoint-test"),
    path("notices/endpoints/<int:pk>/secret/", notices.rotate, name="endpoint-secret"),
    path(
        "notices/endpoints/<int:pk>/secret/drop/",
        notices.drop_old_secret,
        name="endpoint-secret-drop",
    ),
    path("lockdown/", lockdowns.lockdown, name="lockdown"),
    path("lockdown/<int:pk>/", lockdowns.one, name="lockdown-one"),
    path("lockdown/<int:pk>/confirm/", lockdowns.confirm, name="lockdown-confirm"),
    path("lockdown/<int:pk>/lift/", lockdowns.lift, name="lockdown-lift"),
    path("me/", me.me, name="settings"),
    path("me/notices/", notices.preferences, name="notice-preferences"),
    path("me/deputies/", deputies.deputies, name="deputies"),
    path("me/deputies/<int:pk>/end/", deputies.take_back, name="deputy-end"),
    path("me/tokens/new/", tokens.make, name="token-new"),
    path("me/tokens/<int:pk>/revoke/", tokens.revoke, name="token-revoke"),
    path("device/", devices.device, name="device"),
    path("theme/", me.theme, name="theme"),
]
