"""System health: what an overseer is told at night, and what they are not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from access.clock import db_now
from access.models import Grant, Heartbeat, Person
from tests.support.browsers import signed_in
from tests.support.cast import Cast, approve, ask, be_seen
from tests.support.estate import machine

pytestmark = pytest.mark.django_db
QUERIES = 8  # the person and the session among them


def page(person: Person, **headers: str) -> str:
    answer = signed_in(person).get("/system/", headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def both_seen() -> None:
    be_seen()
    Heartbeat.objects.update_or_create(name="looker", defaults={"at": db_now()})


def overdue(cast: Cast, name: str = "vm-1", **changes: Any) -> Grant:
    grant = approve(ask(machine(name), by=cast.alice), by=cast.bob).grants.get()
    told = {"state": "closing", "close_reason": "Over.", "due_at": db_now() - timedelta(minutes=5)}
    Grant.objects.filter(pk=grant.pk).update(**{**told, **changes})
    return grant


def test_for_an_engineer_there_is_no_such_page(cast: Cast) -> None:
    assert signed_in(cast.alice).get("/system/").status_code == 404
    assert "/system/" not in signed_in(cast.alice).get("/").content.decode()


@pytest.mark.parametrize("who", ["bob", "dana", "erin"])
def test_who_oversees_finds_it_in_the_menu(cast: Cast, who: str) -> None:
    both_seen()
    person: Person = getattr(cast, who)
    assert 'href="/system/"' in signed_in(person).get("/").content.decode()
    assert "Closing is working" in page(person)


def test_only_an_administrator_is_led_to_close_everything(cast: Cast) -> None:
    assert "Close everything" in page(cast.dana)
    assert "Close everything" not in page(cast.erin)


def test_an_overdue_link_is_never_called_closed(cast: Cast) -> None:
    both_seen()
    grant = overdue(cast, problem="Azure answered with an error (503).", tries=1)
    told = page(cast.erin)
    assert "Access is open past its end" in told
    assert "Overdue: still open" in told
    assert f"/requests/{grant.access_request.reference}/" in told
    assert "Closing is working" not in told
    assert "Needs a human" not in told


def test_what_was_tried_in_vain_asks_for_a_human(cast: Cast) -> None:
    both_seen()
    overdue(cast, tries=7, problem="Azure answered with an error (500).")
    told = page(cast.erin)
    assert "Needs a human" in told
    assert "7 times in vain" in told


def test_a_silent_closer_comes_first(cast: Cast) -> None:
    """What is overdue then has one cause, and the page names it."""
    Heartbeat.objects.update_or_create(
        name="closer", defaults={"at": db_now() - timedelta(minutes=4)}
    )
    overdue(cast)
    told = page(cast.erin)
    assert "Closing is not looked after" in told
    assert "Nothing new is opened" in told


def test_lateness_is_exact_and_a_grace_is_not_late(cast: Cast) -> None:
    both_seen()
    now = db_now()
    due = now - timedelta(hours=1)
    for n, late in enumerate((1, 1, 1, 9)):
        closed = {"opened_at": due - timedelta(hours=1), "due_at": due}
        overdue(cast, f"vm-{n}", state="closed", **closed, closed_at=due + timedelta(seconds=late))
    grace = {"finish_by": due + timedelta(minutes=10), "closed_at": due + timedelta(minutes=5)}
    overdue(cast, "vm-g", state="closed", **closed, **grace)
    told = " ".join(page(cast.erin).split())
    assert 'data-label="Half within">1.0 s<' in told
    assert 'data-label="Worst">9.0 s<' in told
    assert 'data-label="Closed">5<' in told


def test_it_says_what_will_appear_where_there_is_nothing(cast: Cast) -> None:
    both_seen()
    told = page(cast.erin)
    for sentence in ("Nothing is overdue.", "Nothing was closed in the last 24 hours."):
        assert sentence in told


@pytest.mark.parametrize("many", [1, 12])
def test_it_costs_the_same_however_much_is_wrong(
    cast: Cast, many: int, django_assert_max_num_queries: Any
) -> None:
    both_seen()
    for n in range(many):
        overdue(cast, f"vm-{n}", tries=5)
    client: Client = signed_in(cast.erin)
    with django_assert_max_num_queries(QUERIES):
        assert client.get("/system/").status_code == 200


def test_the_poll_brings_the_part_that_moves_alone(cast: Cast) -> None:
    part = page(cast.erin, **{"HX-Request": "true", "HX-Target": "system"})
    assert part.lstrip().startswith('<div id="system"')
    assert "<html" not in part
