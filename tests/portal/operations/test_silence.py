"""R-31: without a closer nothing new opens, people are told why, and what must close does."""

from __future__ import annotations

from datetime import timedelta

from access import engine, tasks
from access.clock import db_now
from access.models import Grant, Heartbeat, Machine
from access.states import GrantState
from tests.support.azure import SimulatedAzure
from tests.support.browsers import signed_in
from tests.support.cast import Cast, approve, approved, ask, run_engine


def test_r31_with_the_closer_silent_nothing_new_opens_and_closes_go_on(
    cast: Cast, live_estate: SimulatedAzure
) -> None:
    """Whoever loses the closer may be kept waiting; nobody may be let in whom nothing lets out."""
    first, second = Machine.objects.filter(name__startswith="vm-").order_by("pk")[:2]
    ends = approved(first, by=cast.alice, approver=cast.bob)
    run_engine()
    ends.refresh_from_db()
    assert ends.state == GrantState.OPEN
    Heartbeat.objects.filter(name="closer").update(at=db_now() - timedelta(seconds=61))
    waits = approve(ask(second, by=cast.alice), by=cast.bob).grants.get()
    over = db_now() - timedelta(seconds=1)
    Grant.objects.filter(pk=ends.pk).update(starts_at=over - timedelta(minutes=30), ends_at=over)
    for gate in engine.due_gates():
        for _ in range(12):  # looks come, as by a wake-up; no sweep says that somebody lives
            tasks.look(gate)
    ends.refresh_from_db()
    waits.refresh_from_db()
    assert ends.state == GrantState.CLOSED
    assert waits.state == GrantState.SCHEDULED
    page = signed_in(cast.alice).get(f"/requests/{waits.access_request.reference}/")
    said = " ".join(page.content.decode().split())
    assert "The part that closes access has not been seen for a minute." in said
    assert "Nothing new is opened until it is back." in said
    Grant.objects.update(not_before=None)  # its next turn has come
    run_engine()  # which sweeps
    waits.refresh_from_db()
    assert waits.state == GrantState.OPEN
