"""More time, changes and workers in the same instant. Needs PostgreSQL, as ``test_races`` does."""

from __future__ import annotations

import uuid
from collections import Counter

import pytest
from django.db import transaction

from access import ledger, services
from access.clock import db_now
from access.engine.claim import claim, hold
from access.errors import KeyReused
from access.models import AccessRequest, Grant, GrantExtension
from tests.access.test_races import all_at_once
from tests.support.cast import Cast, approve, ask, be_seen, submission
from tests.support.estate import machine
from tests.support.ruling import one_approver, put_in_force

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

BY_RULE = one_approver(
    approvals=None, auto_approve=True, when={"production": False},
    extension={"most": 10, "max_minutes": 60},
)  # fmt: skip


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


def open_grants(cast: Cast, count: int) -> list[Grant]:
    """All behind one gate."""
    for number in range(count):
        approve(ask(machine(f"vm-{number}"), by=cast.alice), by=cast.bob)
    Grant.objects.update(state="open", opened_at=db_now())
    return list(Grant.objects.select_related("access_request").order_by("pk"))


def more(grant: Grant, cast: Cast, key: uuid.UUID) -> AccessRequest:
    return services.extend(
        grant.access_request, minutes=30, reason="It takes longer", key=key, by=cast.alice
    )


def test_more_time_by_a_rule_and_a_worker_never_wait_for_each_other(cast: Cast) -> None:
    """It wrote its line in the ledger and then wanted the gate; a worker has the gate and wants
    the ledger: one of them died in a deadlock."""
    grants = open_grants(cast, 8)
    put_in_force(BY_RULE)
    be_seen()
    Grant.objects.filter(pk=grants[0].pk).update(state="opening", opened_at=None)
    lease = claim(grants[0].gate_id)
    assert lease is not None

    def lengthen(mine: list[Grant]) -> None:
        for grant in mine:
            for _ in range(4):
                more(grant, cast, uuid.uuid4())

    def look() -> None:
        for _ in range(60):
            with transaction.atomic():
                hold(lease)
                ledger.record("grant.opened", by="worker")

    results = all_at_once(look, look, *[lambda n=n: lengthen(grants[n::4]) for n in range(4)])
    assert not [result for result in results if result is not None]
    assert GrantExtension.objects.count() == 32
    assert ledger.verify()[1] is None


@pytest.mark.parametrize("policy", [one_approver(), BY_RULE], ids=["people", "rule"])
def test_the_same_click_for_more_time_eight_times_at_once(cast: Cast, policy: str) -> None:
    (grant,) = open_grants(cast, 1)
    put_in_force(policy)
    key = uuid.uuid4()
    results = all_at_once(*[lambda: more(grant, cast, key)] * 8)
    assert not [result for result in results if isinstance(result, Exception)]
    assert len({result.pk for result in results}) == 1
    assert GrantExtension.objects.count() == (policy == BY_RULE)


def test_one_key_for_two_machines_at_once_is_one_request(cast: Cast) -> None:
    """A client's mistake, which it is told of; never a fault of ours for it to see."""
    key = uuid.uuid4()
    forms = [submission(machine(f"vm-{number}"), submission_key=key) for number in range(4)]
    acts = [lambda form=form: services.submit(form, by=cast.alice) for form in forms]
    results = all_at_once(*acts)
    assert Counter(type(result) for result in results) == {AccessRequest: 1, KeyReused: 3}
    assert AccessRequest.objects.count() == 1


def test_changes_that_a_rule_approves_and_requests_for_the_same_machines(cast: Cast) -> None:
    """Each takes request, machines, ledger in this order, or only the last two."""
    quick = {"minutes": {"at_most": 30}, "production": False}
    rules = [
        {"name": "Short", "when": quick, "max_minutes": 30, "auto_approve": True},
        {"name": "Long", "approvals": [{"from": [{"role": "approver"}], "needed": 1}]},
    ]
    put_in_force(_document(rules))
    there = [machine(f"vm-{number}") for number in range(6)]
    waiting = [ask(each, by=cast.alice, minutes=60) for each in there]

    def change(asked: AccessRequest) -> None:
        words = services.Words(30, None, asked.reason, "")
        services.change(asked, words, by=cast.alice, revision=1)

    changes = [lambda asked=asked: change(asked) for asked in waiting]
    asks = [lambda each=each: ask(each, by=cast.alan, minutes=30) for each in reversed(there)]
    results = all_at_once(*changes, *asks)
    assert not [result for result in results if isinstance(result, Exception)]
    assert Grant.objects.count() == 12
    assert ledger.verify()[1] is None


def _document(rules: list[dict[str, object]]) -> str:
    import json

    return json.dumps({"version": 1, "rules": rules})
