"""Azure's list of links lags behind what was done: new ones are missing for a while, and those that
are gone are still shown. Nobody promises that it never does."""

from __future__ import annotations

import pytest

from access import services
from access.models import Grant
from access.services.tokens import digest_of
from access.states import GrantState
from links.models import SealedLink
from tests.access.contract import Story, settle_now, wake_up
from tests.support.cast import run_engine

LAG = 40.0  # seconds: longer than a deletion or a creation is given until it is sent again


@pytest.fixture(autouse=True)
def lag(link: Story) -> None:
    link.azure.control("POST", "pace", {"link_listed": LAG})


def look_often(times: int = 4) -> None:
    """Its time is over each time, so what can be sent again is."""
    for _ in range(times):
        wake_up()
        run_engine(rounds=2)
        settle_now()


def opened(link: Story) -> Grant:
    grant = link.granted()
    look_often(2)
    link.azure.advance(LAG + 1)
    look_often()
    grant.refresh_from_db()
    assert grant.state == GrantState.OPEN
    return grant


def test_it_is_opened_once_and_called_open_when_it_is_shown(link: Story) -> None:
    grant = link.granted()
    look_often(2)
    grant.refresh_from_db()
    assert (grant.state, link.doors_in_azure()) == (GrantState.OPENING, 1)
    link.azure.advance(LAG + 1)
    look_often()
    grant.refresh_from_db()
    assert (grant.state, len(link.azure.record("link.created"))) == (GrantState.OPEN, 1)


def test_what_is_never_shown_is_given_up_and_taken_back(link: Story) -> None:
    """It stands, and nobody could be told the way in."""
    grant = link.granted()
    look_often(8)
    link.azure.advance(LAG + 1)
    look_often()
    grant.refresh_from_db()
    assert (grant.state, link.doors_in_azure()) == (GrantState.CLOSED, 0)
    assert len(link.azure.record("link.created")) == 1


def test_it_is_called_closed_when_it_is_shown_no_more(link: Story) -> None:
    grant = opened(link)
    services.end(grant, by=link.cast.alice)
    look_often()
    grant.refresh_from_db()
    assert (grant.state, link.doors_in_azure()) == (GrantState.CLOSING, 0)
    link.azure.advance(LAG + 1)
    look_often()
    grant.refresh_from_db()
    assert grant.state == GrantState.CLOSED
    assert len(link.azure.record("link.created")) == 1


def test_what_was_opened_and_is_not_shown_yet_is_not_called_closed_while_it_stands(
    link: Story,
) -> None:
    grant = link.granted()
    look_often()
    services.end(grant, by=link.cast.alice)
    for _ in range(8):
        look_often(1)
        grant.refresh_from_db()
        assert grant.state != GrantState.CLOSED or link.doors_in_azure() == 0
        link.azure.advance(8)
    assert (grant.state, link.doors_in_azure()) == (GrantState.CLOSED, 0)


def test_the_next_one_does_not_get_the_address_of_the_former(link: Story) -> None:
    """Which opens nothing any more, and was somebody else's."""
    first = opened(link)
    old = link.azure.state()["links"][0]["bsl"]
    services.end(first, by=link.cast.alice)
    second = link.granted()
    for _ in range(8):
        look_often(1)
        link.azure.advance(LAG / 2)
    second.refresh_from_db()
    (standing,) = link.azure.state()["links"]
    assert second.state == GrantState.OPEN
    assert standing["bsl"] != old
    assert SealedLink.objects.get(grant=second).sha256 == digest_of(standing["bsl"])
