"""Requests, rules and judgements for the tests of the policy language."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from access.rules.document import Policy, parse
from access.rules.judgement import (
    HARD,
    SOFT,
    Asked,
    BreakGlass,
    Extension,
    Judgement,
    Source,
    Stage,
)

MONDAY_NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ONE = [{"from": [{"role": "approver"}]}]


def asked(**changes: Any) -> Asked:
    values: dict[str, Any] = {
        "kind": "window",
        "port": 22,
        "minutes": 60,
        "start": MONDAY_NOON,
        "subscription_id": "1111",
        "subscription_name": "Payments",
        "resource_group": "rg-payments",
        "machine": "vm-pay-01",
        "region": "northeurope",
        "os": "linux",
        "tags": {"environment": "dev", "owner": "payments"},
        "owner": "payments",
        "requester": "test/alice",
        "roles": frozenset({"engineer"}),
    }
    return Asked(**(values | changes))


def rule(name: str = "A rule", **keys: Any) -> dict[str, Any]:
    return {"name": name, "approvals": ONE} | keys


def policy(*rules: dict[str, Any], **top: Any) -> Policy:
    return parse({"version": 1, "rules": list(rules)} | top)


sources = st.sampled_from(
    [
        Source("role", "approver"),
        Source("group", "leads"),
        Source("group", "security"),
        Source("person", "test/bob"),
        Source("owner", "payments"),
        Source("manager"),
    ]
)
some_sources = st.lists(sources, min_size=1, max_size=3, unique=True).map(tuple)
stages = st.builds(
    Stage,
    sources=some_sources,
    needed=st.integers(1, 3),
    label=st.sampled_from(["", "Leads", "Security"]),
    escalate_after=st.none() | st.integers(1, 60),
    escalate_to=some_sources,
)


def _sensible(judgement: Judgement) -> Judgement:
    """As rules can make them: no stages where none are needed, no grace without a soft end."""
    changes: dict[str, Any] = {}
    if judgement.auto_approve:
        changes["stages"] = ()
    changes["grace_minutes"] = judgement.grace_minutes if judgement.end == SOFT else 0
    return Judgement(**(vars(judgement) | changes))


judgements = st.builds(
    Judgement,
    allowed=st.sampled_from([True, True, True, False]),
    rules=st.sampled_from([("One",), ("Two",)]),
    why_not=st.sampled_from(["Frozen.", "Not here."]),
    max_minutes=st.integers(1, 2880),
    notice_minutes=st.integers(0, 120),
    stages=st.lists(stages, min_size=1, max_size=3, unique_by=lambda s: frozenset(s.sources)).map(
        tuple
    ),
    ticket_required=st.booleans(),
    ticket_patterns=st.sampled_from([(), ("INC[0-9]+",), ("CHG[0-9]+",)]),
    step_up=st.booleans(),
    auto_approve=st.booleans(),
    scheduled=st.booleans(),
    extension=st.builds(Extension, most=st.integers(0, 4), max_minutes=st.integers(1, 240)),
    end=st.sampled_from([HARD, SOFT]),
    grace_minutes=st.integers(1, 120),
    break_glass=st.builds(
        BreakGlass,
        sources=st.lists(sources, max_size=2, unique=True).map(tuple),
        max_minutes=st.integers(1, 120),
    ),
    lapse_minutes=st.integers(1, 960),
).map(_sensible)

askeds = st.builds(
    asked,
    kind=st.sampled_from(["window", "link", "address", ""]),
    port=st.integers(-1, 70_000),
    minutes=st.integers(-5, 10**7),
    start=st.datetimes(timezones=st.just(UTC) | st.none())
    | st.just(MONDAY_NOON + timedelta(hours=7)),
    machine=st.text(max_size=12),
    production=st.booleans(),
    owner=st.text(max_size=5) | st.just("leads"),
    tags=st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=3),
    groups=st.frozensets(st.sampled_from(["leads", "security"])),
    vendor_domain=st.sampled_from(["", "vendor.test"]),
)
