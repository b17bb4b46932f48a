"""A list of sessions that was begun for somebody else's end says nothing of who came later."""

from __future__ import annotations

from access import services
from access.states import GrantState
from tests.access.contract import Story, connect, wake_up
from tests.support.cast import approved, run_engine


def test_who_connected_after_a_list_was_begun_is_not_overlooked(window: Story) -> None:
    """Azure makes a list; meanwhile the door is opened again, somebody comes, and it is shut. The
    old list does not know them: they would stay, and their access be called closed."""
    window.azure.control("POST", "pace", {"sessions": 30})
    first = window.open()
    services.end(first, by=window.cast.alice)
    run_engine(rounds=3)
    first.refresh_from_db()
    assert first.state == GrantState.CLOSING
    second = approved(window.machine, by=window.cast.alan, approver=window.cast.bob)
    for _ in range(3):
        wake_up()
        run_engine(rounds=2)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == (GrantState.CLOSED, GrantState.OPEN)
    window.azure.advance(31)
    window.azure.state()
    connect(window.azure, second)
    services.end(second, by=window.cast.alan)
    for _ in range(4):
        wake_up()
        run_engine(rounds=2)
    second.refresh_from_db()
    assert window.azure.state()["sessions"] == [] or second.state == GrantState.CLOSING
    window.azure.advance(31)
    for _ in range(3):
        wake_up()
        run_engine(rounds=2)
    assert window.azure.state()["sessions"] == []
