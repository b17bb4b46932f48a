"""Between the last check and the opening Azure may be away for hours."""

from __future__ import annotations

from datetime import timedelta

from access.clock import db_now
from access.models import Grant, LedgerEntry, PersonRole, Role
from access.states import GrantState
from tests.access.contract import Story, settle_now, wake_up
from tests.support.cast import run_engine


def kept_waiting(window: Story, *, minutes: float) -> Grant:
    """Approved and begun; Azure has refused to be reached ever since."""
    window.azure.fault(operation=window.open_call, action="status", status=503)
    grant = window.granted(minutes=60)
    run_engine()
    grant.refresh_from_db()
    assert grant.state == GrantState.OPENING
    Grant.objects.update(starts_at=db_now() - timedelta(minutes=minutes))
    return grant


def azure_is_back(window: Story) -> None:
    window.azure.mend()
    wake_up()
    Grant.objects.update(not_before=None, sent_at=None)
    run_engine()


def test_what_lost_its_approval_meanwhile_is_not_opened(window: Story) -> None:
    grant = kept_waiting(window, minutes=2)
    PersonRole.objects.filter(person=window.cast.bob, role=Role.APPROVER).delete()
    azure_is_back(window)
    settle_now()
    run_engine()
    grant.refresh_from_db()
    assert (grant.state, grant.opened_at) == (GrantState.CLOSED, None)
    assert "Bob, who approved it" in grant.close_reason
    assert window.doors_in_azure() == 0
    assert LedgerEntry.objects.filter(event="grant.refused", outcome="denied").count() == 1


def test_what_has_lost_nothing_is_opened_however_long_it_took(window: Story) -> None:
    grant = kept_waiting(window, minutes=40)
    azure_is_back(window)
    grant.refresh_from_db()
    assert grant.state == GrantState.OPEN
