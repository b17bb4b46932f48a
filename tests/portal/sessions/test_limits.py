"""Sessions end without activity and with age, and the next page says so."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access.models import AccessRequest, PersonRole, Role
from portal.models import BrowserSession
from portal.signin.ending import end_all
from portal.signin.limits import Ending, words_of
from portal.signin.sessions import digest
from tests.portal.sessions.conftest import (
    cookie_of,
    is_out,
    quiet_for,
    row_of,
    signed_in_since,
    with_cookie,
)
from tests.support import estate
from tests.support.browsers import signed_in
from tests.support.cast import Cast, ask

pytestmark = pytest.mark.django_db
POLL = {"HX-Request": "true"}


def said_after(client: Client, path: str = "/requests/") -> str:
    return client.get(path, follow=True).content.decode()


class TestIdle:
    def test_half_an_hour_without_activity_is_the_end(self, alice: Client):
        """X-34: the cookie of a browser that was left is worth nothing."""
        stolen = with_cookie(cookie_of(alice))
        quiet_for(alice, minutes=29)
        assert not is_out(with_cookie(cookie_of(alice)))
        quiet_for(alice, minutes=30)
        assert is_out(stolen)
        assert "after 30 minutes without activity" in said_after(alice)

    def test_activity_is_written_once_a_minute_at_most(self, alice: Client):
        quiet_for(alice, seconds=50)
        before = row_of(alice).seen_at
        alice.get("/me/browsers/")
        assert row_of(alice).seen_at == before
        quiet_for(alice, seconds=70)
        alice.get("/me/browsers/")
        assert row_of(alice).seen_at > before

    def test_a_session_is_read_in_one_query(self, alice: Client):
        """The person's roles, for the shorter limit, come with it."""
        with CaptureQueriesContext(connection) as asked:
            alice.get("/sign-in/")
        of_sessions = [query["sql"] for query in asked if "browsersession" in query["sql"]]
        assert len(of_sessions) == 1
        assert of_sessions[0].startswith("SELECT")

    @pytest.mark.parametrize(
        "headers",
        [
            {"HX-Request": "true"},
            {"HX-Request": "true", "If-None-Match": '"x"'},
            {"Sec-Fetch-Mode": "cors"},
            {"Sec-Fetch-Mode": "same-origin"},
        ],
    )
    def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(self, alice: Client, cast, headers):
        asked = ask(estate.machine(), by=cast.alice)
        quiet_for(alice, minutes=5)
        before = row_of(alice).seen_at
        assert alice.get(f"/requests/{asked.reference}/live/", headers=headers).status_code < 400
        assert row_of(alice).seen_at == before

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Sec-Fetch-Mode": "navigate"},
            {"HX-Request": "true", "Bastion-By-Hand": "yes"},
        ],
    )
    def test_what_a_person_does_counts(self, alice: Client, headers):
        quiet_for(alice, minutes=5)
        before = row_of(alice).seen_at
        alice.get("/requests/", headers=headers)
        assert row_of(alice).seen_at > before

    def test_sending_a_form_counts(self, alice: Client):
        quiet_for(alice, minutes=5)
        before = row_of(alice).seen_at
        alice.post("/theme/", {"theme": "dark"}, headers={"Sec-Fetch-Mode": "cors"})
        assert row_of(alice).seen_at > before

    def test_of_two_requests_at_once_neither_undoes_the_other(self, alice: Client):
        """One reads, the other notes that the person was there and saves, then the first saves."""
        quiet_for(alice, minutes=5)
        slow = alice.session
        slow["something"] = "new"
        alice.get("/requests/")
        seen = row_of(alice).seen_at
        slow.save()
        assert row_of(alice).seen_at == seen


class TestAge:
    def test_eight_hours_are_the_end_whatever_is_done(self, alice: Client):
        """X-34"""
        stolen = cookie_of(alice)
        signed_in_since(alice, hours=7, minutes=59)
        assert not is_out(with_cookie(stolen))
        signed_in_since(alice, hours=8)
        assert is_out(with_cookie(stolen))
        assert "one sign-in lasts 8 hours" in said_after(alice)

    @pytest.mark.parametrize("who", ["bob", "dana"])
    def test_who_approves_or_administers_has_four(self, who: str, cast: Cast):
        """X-34"""
        browser = signed_in(getattr(cast, who))
        signed_in_since(browser, hours=3, minutes=59)
        assert not is_out(with_cookie(cookie_of(browser)))
        signed_in_since(browser, hours=4)
        assert is_out(with_cookie(cookie_of(browser)))
        assert "approver or administrator lasts 4 hours" in said_after(browser)

    def test_who_becomes_an_approver_has_four_from_then_on(self, alice: Client, cast: Cast):
        signed_in_since(alice, hours=5)
        assert not is_out(with_cookie(cookie_of(alice)))
        PersonRole.objects.create(person=cast.alice, role=Role.APPROVER)
        assert is_out(alice)

    def test_the_limits_are_settings(self, alice: Client, settings):
        settings.ACCESS_SESSION_IDLE_SECONDS = 60
        quiet_for(alice, seconds=60)
        assert "after 1 minute without activity" in said_after(alice)


class TestNextPage:
    def test_it_leads_back_to_where_one_was(self, alice: Client):
        quiet_for(alice, minutes=31)
        answer = alice.get("/requests/?state=open")
        assert answer.url == "/sign-in/?next=/requests/%3Fstate%3Dopen&ended=idle"

    def test_a_form_that_came_too_late_was_not_sent_and_that_is_said(self, alice: Client, cast):
        asked = ask(estate.machine(), by=cast.alice)
        quiet_for(alice, minutes=31)
        page = f"/requests/{asked.reference}/"
        answer = alice.post(f"{page}withdraw/", headers={"Referer": f"http://testserver{page}"})
        assert answer.url == f"/sign-in/?next={page}&ended=idle&unsent=yes"
        html = alice.get(answer.url).content.decode()
        assert "after 30 minutes without activity" in html
        assert "Nothing of what you just sent was done" in html
        assert AccessRequest.objects.get().state == "pending"

    @pytest.mark.parametrize(
        "referer",
        ["https://evil.test/requests/", "//evil.test", "javascript:alert(1)", "\\\\evil.test", ""],
    )
    def test_no_other_site_chooses_where_one_goes_back_to(self, alice: Client, referer: str):
        quiet_for(alice, minutes=31)
        answer = alice.post("/me/", headers={"Referer": referer})
        assert answer.url == "/sign-in/?next=/&ended=idle&unsent=yes"

    def test_a_poll_says_it_to_the_page(self, alice: Client, cast: Cast):
        asked = ask(estate.machine(), by=cast.alice)
        quiet_for(alice, minutes=31)
        answer = alice.get(f"/requests/{asked.reference}/live/", headers=POLL)
        assert (answer.status_code, answer.content) == (204, b"")
        assert json.loads(answer["HX-Trigger"]) == {"signed-out": {"to": "/sign-in/?ended=idle"}}

    def test_an_order_of_the_portal_is_said_too(self, alice: Client, cast: Cast):
        end_all(cast.alice, by="directory", why="roles changed")
        assert "Your account or your roles changed" in said_after(alice)

    def test_a_code_from_elsewhere_says_nothing_of_its_own(self, client: Client):
        html = client.get("/sign-in/?ended=<b>Pay+here</b>").content.decode()
        assert "Pay here" not in html
        assert words_of("nothing") == ""
        assert all(words_of(code) for code in Ending.values)

    def test_the_cookie_is_taken_back(self, alice: Client):
        quiet_for(alice, minutes=31)
        cookie = alice.get("/requests/").cookies["sessionid"]
        assert (cookie.value, cookie["max-age"]) == ("", 0)

    def test_the_api_answers_in_its_own_way(self, alice: Client):
        quiet_for(alice, minutes=31)
        assert alice.get("/api/v1/requests/").status_code in (401, 403)


def test_where_a_session_is_used_from_is_kept(cast: Cast):
    browser = signed_in(cast.alice)
    quiet_for(browser, minutes=2)
    browser.get("/", headers={"User-Agent": "curl/8\x00\x1b[31m"}, REMOTE_ADDR="203.0.113.7")
    row = row_of(browser)
    assert (row.address, row.agent) == ("203.0.113.7", "curl/8[31m")


def test_an_agent_of_any_length_is_kept_as_far_as_it_goes(cast: Cast):
    browser = signed_in(cast.alice)
    quiet_for(browser, minutes=2)
    browser.get("/", headers={"User-Agent": "é" * 5000})
    assert len(row_of(browser).agent) == 200


def test_the_clock_of_a_row_from_the_future_keeps_nobody_out(alice: Client):
    """Web processes' clocks differ by a little."""
    BrowserSession.objects.filter(pk=digest(cookie_of(alice))).update(
        seen_at=timezone.now() + timedelta(seconds=5)
    )
    assert not is_out(alice)
