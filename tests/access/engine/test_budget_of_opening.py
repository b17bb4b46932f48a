"""What opening may not send just now keeps nobody from being shut out."""

from __future__ import annotations

import pytest
from django.conf import settings

from access import services
from access.anchoring import manifest
from access.errors import Later
from access.models import Gate, Grant, Machine
from access.states import GrantState
from portal.budget import bucket
from portal.budget.rates import rate_of
from portal.budget.stores import Key, change
from tests.access.contract import Story
from tests.support.azure import SUBSCRIPTION
from tests.support.cast import approved, run_engine


def shut_the_openers_bucket(seconds: float) -> None:
    key, rate = Key(SUBSCRIPTION, settings.AZURE_OPENER_CLIENT_ID, "writes"), rate_of("writes")
    change(key, rate, lambda state, now: (bucket.shut(state, rate, seconds, now), None))


def refuse(*_: object) -> None:
    raise Later(manifest.NOT_WRITTEN, sent=False, whole=True, retry_after=300)


@pytest.mark.parametrize("what", ["no token", "no manifest"])
def test_a_gate_at_which_nothing_may_be_opened_just_now_is_closed_all_the_same(
    link: Story, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One 429 for the opener, and each gate with something to open would rest for its time: what
    ends there meanwhile would stay open."""
    grant = link.open()
    if what == "no token":
        shut_the_openers_bucket(300)
    else:
        monkeypatch.setattr(manifest, "before_opening", refuse)
    vm = Machine.objects.get(name="vm-app-02")
    waiting = approved(vm, by=link.cast.alan, approver=link.cast.bob, kind="link")
    run_engine(rounds=1)
    Gate.objects.update(look_again_at=None)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.sent_at, waiting.asked_at) == (GrantState.OPENING, None, None)
    services.end(grant, by=link.cast.alice)
    run_engine()
    grant.refresh_from_db()
    assert grant.state == GrantState.CLOSED
    assert Grant.objects.get(pk=waiting.pk).state == GrantState.OPENING
