"""What the person who asked can still do: change it, or ask for more time."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from access.clock import db_now
from access.models import AccessRequest, Decision, Grant, Role
from tests.access.views.conftest import Browser, make_closed
from tests.access.views.test_request_page import page, words
from tests.support.cast import Cast, approve, ask, person
from tests.support.ruling import TWO_STAGES, one_approver, put_in_force


def changed(asked: AccessRequest, **changes: Any) -> dict[str, Any]:
    values = {
        "revision": asked.revision,
        "minutes": "120",
        "when": "now",
        "reason": asked.reason,
        "ticket": asked.ticket,
    }
    return values | changes


class TestChanging:
    def test_shows_what_is_and_takes_what_is_new(self, cast: Cast, vm, browser: Browser):
        asked, alice = ask(vm, by=cast.alice, minutes=45, ticket="INC-1"), browser(cast.alice)
        html = alice.get(page(asked, "request-change")).content.decode()
        assert 'value="custom" checked' in html
        assert 'value="45"' in html
        assert "INC-1" in html
        response = alice.post(page(asked, "request-change"), changed(asked, reason="Two disks"))
        assert response.url == page(asked)
        asked.refresh_from_db()
        assert (asked.duration_minutes, asked.reason, asked.revision) == (120, "Two disks", 2)

    def test_says_what_becomes_of_approvals(self, cast: Cast, vm, browser: Browser):
        person("Carol", Role.APPROVER)
        person("Sven", Role.APPROVER)
        put_in_force(TWO_STAGES)
        asked, alice = ask(vm, by=cast.alice), browser(cast.alice)
        approve(asked, by=cast.bob)
        assert "1 approval given so far" in words(alice.get(page(asked, "request-change")))
        alice.post(page(asked, "request-change"), changed(asked))
        assert Decision.objects.get().dismissed_at is not None
        text = words(alice.get(page(asked)))
        assert "dismissed an approval" in text
        assert "Length: 30 min, now 2 h" in text

    @pytest.mark.parametrize(
        ("sent", "where"),
        [
            ({"reason": " "}, "id_reason"),
            ({"minutes": "custom"}, "id_custom_minutes"),
            ({"when": "later", "start": "x"}, "id_start"),
            ({"minutes": "480"}, "id_minutes"),
        ],
    )
    def test_what_is_wrong_is_said(self, sent, where, cast: Cast, vm, browser: Browser):
        asked = ask(vm, by=cast.alice)
        response = browser(cast.alice).post(page(asked, "request-change"), changed(asked, **sent))
        assert response.status_code == 400
        assert f'href="#{where}"' in response.content.decode()

    def test_of_an_older_page_is_a_conflict(self, cast: Cast, vm, browser: Browser):
        asked, alice = ask(vm, by=cast.alice), browser(cast.alice)
        alice.post(page(asked, "request-change"), changed(asked))
        sent = changed(asked, minutes="60")
        assert alice.post(page(asked, "request-change"), sent).status_code == 409

    def test_is_for_who_asked_and_while_nobody_decided(self, cast: Cast, vm, browser: Browser):
        asked = ask(vm, by=cast.alice)
        there = page(asked, "request-change")
        assert browser(cast.bob).get(there).status_code == 403
        assert browser(cast.charlie).get(there).status_code == 404
        approve(asked, by=cast.bob)
        assert browser(cast.alice).get(there).status_code == 409
        assert there not in browser(cast.alice).get(page(asked)).content.decode()


def more(grant: Grant, **changes: Any) -> dict[str, Any]:
    values = {"key": str(uuid.uuid4()), "minutes": "60", "reason": "Nearly done", "ticket": ""}
    return values | changes


class TestMoreTime:
    def test_brings_what_the_first_one_said(self, cast: Cast, opened: Grant, browser: Browser):
        AccessRequest.objects.update(ticket="INC-7")
        there = page(opened.access_request, "request-extend")
        html = browser(cast.alice).get(there).content.decode()
        assert "Disk is full" in html
        assert "INC-7" in html
        assert "Needs one approver." in html

    def test_offers_only_what_the_policy_allows(self, cast: Cast, opened: Grant, browser: Browser):
        put_in_force(one_approver(extension={"most": 1, "max_minutes": 60}))
        there = page(opened.access_request, "request-extend")
        html = browser(cast.alice).get(there).content.decode()
        assert 'name="minutes" value="60"' in html
        assert 'name="minutes" value="120"' not in html
        assert "the last time that more can be asked for" in html

    def test_both_requests_know_of_each_other(self, cast: Cast, opened: Grant, browser: Browser):
        alice, parent = browser(cast.alice), opened.access_request
        there = page(parent, "request-extend")
        made = AccessRequest.objects.get(pk=int(alice.post(there, more(opened)).url[-7:-1]))
        assert made.extends == parent
        text = words(alice.get(page(made)))
        assert f"More time for {parent.reference}" in text
        assert "What is open stays open" in text
        assert f"{made.reference} : 1 h more, waiting for approval" in words(
            alice.get(page(parent))
        )
        assert f"{made.reference} waits for a decision" in words(alice.get(there))
        approve(made, by=cast.bob)
        opened.refresh_from_db()
        assert opened.ends_at == made.asked_start + timedelta(hours=1)
        assert "Approved, more time given" in words(alice.get(page(made)))
        assert "gave it more time" in words(alice.get(page(parent)))

    def test_twice_the_same_is_once(self, cast: Cast, opened: Grant, browser: Browser):
        alice, sent = browser(cast.alice), more(opened)
        there = page(opened.access_request, "request-extend")
        assert alice.post(there, sent).url == alice.post(there, sent).url
        assert AccessRequest.objects.count() == 2

    def test_the_preview_made_anew_sends_nothing(self, cast: Cast, opened, browser: Browser):
        there = page(opened.access_request, "request-extend")
        sent = more(opened, update="yes", reason="Half typed")
        html = browser(cast.alice).post(there, sent).content.decode()
        assert "Half typed" in html
        assert 'value="60" checked' in html
        assert AccessRequest.objects.count() == 1

    @pytest.mark.parametrize(
        ("sent", "where"), [({"reason": " "}, "id_reason"), ({"minutes": "custom"}, "id_custom")]
    )
    def test_what_is_wrong_is_said(self, sent, where, cast: Cast, opened, browser: Browser):
        there = page(opened.access_request, "request-extend")
        response = browser(cast.alice).post(there, more(opened, **sent))
        assert response.status_code == 400
        assert f'href="#{where}' in response.content.decode()

    def test_what_is_over_says_what_helps(self, cast: Cast, opened: Grant, browser: Browser):
        make_closed(opened, opened=True)
        text = words(browser(cast.alice).get(page(opened.access_request, "request-extend")))
        assert "is over. Ask for access anew." in text
        assert "Request access again" in text

    def test_that_there_is_no_more_is_said(self, cast: Cast, opened: Grant, browser: Browser):
        put_in_force(one_approver(extension={"most": 0}))
        text = words(browser(cast.alice).get(page(opened.access_request, "request-extend")))
        assert "The policy allows no more time here." in text

    def test_is_only_for_who_has_it(self, cast: Cast, opened: Grant, browser: Browser):
        there = page(opened.access_request, "request-extend")
        assert browser(cast.bob).get(there).status_code == 403
        assert browser(cast.charlie).get(there).status_code == 404
        assert browser(cast.dana).post(there, more(opened)).status_code == 403

    def test_is_offered_on_the_card_and_loudly_near_the_end(
        self, cast: Cast, opened: Grant, browser: Browser
    ):
        alice, there = browser(cast.alice), page(opened.access_request, "request-extend")
        html = alice.get("/").content.decode()
        assert f'class="button small" href="{there}"' in html
        Grant.objects.update(ends_at=db_now() + timedelta(minutes=14))
        assert f'class="button small primary" href="{there}"' in alice.get("/").content.decode()
        assert "Ask for more time" in words(alice.get(page(opened.access_request)))
