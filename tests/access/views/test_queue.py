"""The approver's queue: what is on top, what makes it a risk, and denying several at once."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from access.clock import db_now
from access.models import AccessRequest, Deputy, Machine, Role
from access.presenters import queue
from tests.access.views.conftest import Browser
from tests.access.views.test_request_page import words
from tests.support import estate
from tests.support.cast import Cast, approve, ask, person

QUEUE, DENY = "/approvals/", "/approvals/deny/"


@pytest.fixture
def two(cast: Cast) -> list[AccessRequest]:
    return [ask(estate.machine(f"vm-{n}"), by=cast.alice) for n in range(2)]


def digests(asked: list[AccessRequest]) -> dict[str, str]:
    return {f"terms-{each.pk}": each.terms_digest for each in asked}


def test_what_is_due_first_is_on_top_and_what_waits_for_an_answer_last(
    cast: Cast, two, browser: Browser
):
    later = ask(estate.machine("vm-later"), by=cast.alan)
    AccessRequest.objects.filter(pk=two[1].pk).update(lapses_at=db_now() + timedelta(minutes=5))
    AccessRequest.objects.filter(pk=two[0].pk).update(asked_back_at=db_now())
    text = words(browser(cast.bob).get(QUEUE))
    places = [text.index(each.reference) for each in (two[1], later, two[0])]
    assert places == sorted(places)
    assert text.index("Waits for an answer") > places[1]


def test_what_is_a_risk_is_marked(cast: Cast, browser: Browser):
    prod = estate.machine("vm-p", environment="production")
    ask(prod, by=cast.alice, kind="link", others=((estate.machine("vm-q").pk, 22),))
    AccessRequest.objects.update(escalated_at=db_now())
    text = words(browser(cast.bob).get(QUEUE))
    for mark in ("Production", "Vendor", "2 machines", "Waited too long", "for Vendor Ltd"):
        assert mark in text, mark


@pytest.mark.parametrize(
    ("start", "marked"),
    [
        (datetime(2027, 3, 3, 12, 0, tzinfo=UTC), False),
        (datetime(2027, 3, 3, 4, 0, tzinfo=UTC), True),
        (datetime(2027, 3, 6, 12, 0, tzinfo=UTC), True),
    ],
    ids=["a Wednesday at noon", "at four in the morning", "a Saturday"],
)
def test_outside_office_hours(start: datetime, marked: bool, cast: Cast, vm: Machine):
    asked = ask(vm, by=cast.alice)
    asked.asked_start = start
    marks = queue.queue_row(asked, db_now()).marks
    assert (queue.OUTSIDE_HOURS in marks) == marked


def test_a_deputy_sees_for_whom(cast: Cast, vm: Machine, browser: Browser):
    eve = person("Eve", Role.APPROVER)
    from tests.support.ruling import put_in_force

    put_in_force(
        "{version: 1, groups: {leads: [bob]}, rules: [{name: Leads, max_minutes: 60, "
        "approvals: [{from: [{group: leads}]}]}]}"
    )
    now = db_now()
    Deputy.objects.create(
        approver=cast.bob, deputy=eve, starts_at=now, ends_at=now + timedelta(days=1),
        created_at=now,
    )  # fmt: skip
    asked = ask(vm, by=cast.alice)
    assert f"{asked.reference}, as deputy of Bob" in words(browser(eve).get(QUEUE))
    assert "as deputy" not in words(browser(cast.bob).get(QUEUE))


def test_an_empty_queue_tells_of_the_last_decision(cast: Cast, two, browser: Browser):
    for each in two:
        approve(each, by=cast.bob)
    text = words(browser(cast.bob).get(QUEUE))
    assert "Nothing waits for you." in text
    assert f"Your last decision: {two[1].reference} , approved" in text


class TestDenyingSeveral:
    def test_asks_for_one_reason_first(self, cast: Cast, two, browser: Browser):
        bob, references = browser(cast.bob), [each.reference for each in two]
        html = bob.get(DENY, {"request": references}).content.decode()
        assert "Deny 2 requests?" in html
        assert all(each.terms_digest in html for each in two)
        assert not AccessRequest.objects.exclude(state="pending").exists()
        response = bob.post(DENY, {"request": references, "comment": " ", **digests(two)})
        assert response.status_code == 400
        assert "Say why" in words(response)

    def test_denies_each_with_it(self, cast: Cast, two, browser: Browser):
        sent = {"request": [e.reference for e in two], "comment": "Use the archive"}
        response = browser(cast.bob).post(DENY, {**sent, **digests(two)}, follow=True)
        assert f"{two[0].reference}, {two[1].reference} were denied." in words(response)
        states = AccessRequest.objects.values_list("state", "comment")
        assert set(states) == {("denied", "Use the archive")}

    def test_one_that_changed_stops_no_other(self, cast: Cast, two, browser: Browser):
        sent = {"request": [e.reference for e in two], "comment": "No", **digests(two)}
        sent[f"terms-{two[0].pk}"] = "0" * 64
        text = words(browser(cast.bob).post(DENY, sent, follow=True))
        assert f"{two[0].reference}: This request is not the one you were shown" in text
        assert f"{two[1].reference} was denied." in text
        two[0].refresh_from_db()
        assert two[0].state == "pending"

    def test_only_what_one_may_decide(self, cast: Cast, two, browser: Browser):
        sent = {"request": [e.reference for e in two], "comment": "No", **digests(two)}
        for who in (cast.alice, cast.charlie, cast.dana, cast.erin):
            assert browser(who).post(DENY, sent).url == QUEUE
        assert not AccessRequest.objects.exclude(state="pending").exists()

    def test_nothing_ticked_is_said(self, cast: Cast, two, browser: Browser):
        assert "Tick the requests" in words(browser(cast.bob).get(DENY, follow=True))

    @pytest.mark.parametrize("sent", ["BA-x", "²", "BA-"])
    def test_nonsense_is_not_found(self, sent: str, cast: Cast, two, browser: Browser):
        assert browser(cast.bob).get(DENY, {"request": sent}).status_code == 404

    def test_nothing_else_is_offered_for_several(self, cast: Cast, two, browser: Browser):
        html = browser(cast.bob).get(QUEUE).content.decode()
        buttons = re.findall(r"<button[^>]*data-ticked[^>]*>.*?</button>", html)
        assert len(buttons) == 1
        assert "Deny the ticked ones" in buttons[0]
