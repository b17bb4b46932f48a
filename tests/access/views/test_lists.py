"""Lists: what is in them, in which order, and at what cost."""

from __future__ import annotations

import gzip
import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from access.clock import db_now
from access.models import AccessRequest, Heartbeat, LedgerEntry, PersonRole
from tests.access.views.conftest import (
    Browser,
    fill_ledger,
    make_open,
    make_overdue,
)
from tests.access.views.test_request_page import page, words
from tests.support import estate
from tests.support.cast import Cast, approved, ask, be_seen


def queries(client, path: str, **headers: str) -> int:
    from django.db import connection

    client.get(path)  # what is read once per process is read
    with CaptureQueriesContext(connection) as seen:
        response = client.get(path, headers=headers)
    assert response.status_code in (200, 304)
    return len(seen)


def many(cast: Cast, count: int) -> None:
    """Machines, and for each an open window of Alice's and a waiting request of Alan's."""
    for number in range(count):
        vm = estate.machine(f"vm-{number:03d}")
        make_open(approved(vm, by=cast.alice, approver=cast.bob))
        ask(vm, by=cast.alan)


@pytest.mark.parametrize(
    ("path", "who", "budget"),
    [
        ("/", "alice", 8),
        ("/", "bob", 8),
        ("/machines/", "alice", 6),
        ("/requests/", "alice", 6),
        ("/approvals/", "bob", 6),
        ("/open/", "bob", 6),
        ("/ledger/", "erin", 7),
        ("/drift/", "erin", 8),
        ("/me/", "alice", 8),
    ],
)
def test_a_list_costs_the_same_for_one_row_and_for_many(
    path: str, who: str, budget: int, cast: Cast, browser: Browser
):
    client = browser(getattr(cast, who))
    many(cast, 1)
    few = queries(client, path)
    for number in range(100, 130):
        vm = estate.machine(f"vm-{number:03d}")
        make_open(approved(vm, by=cast.alice, approver=cast.bob))
        ask(vm, by=cast.alan)
    lots = queries(client, path)
    assert few == lots
    assert lots <= budget, lots


def test_the_request_page_and_its_poll_keep_their_budgets(cast: Cast, opened, browser: Browser):
    bob, alice = browser(cast.bob), browser(cast.alice)
    waiting = ask(estate.machine("vm-2"), by=cast.alice)
    assert queries(alice, page(opened.access_request)) <= 10
    assert queries(bob, page(waiting)) <= 14
    live = page(opened.access_request, "request-live")
    mark = alice.get(live)["ETag"]
    assert queries(alice, live, **{"If-None-Match": mark}) <= 3


def test_pages_are_small(cast: Cast, browser: Browser):
    many(cast, 25)
    asked = AccessRequest.objects.filter(requester=cast.alice).first()
    alice, erin = browser(cast.alice), browser(cast.erin)
    lists = ["/", "/machines/", "/requests/", "/open/"]
    sizes = {path: squeezed(alice.get(path)) for path in lists} | {
        "/ledger/": squeezed(erin.get("/ledger/"))
    }
    assert max(sizes.values()) <= 12 * 1024, sizes
    vm = asked.grants.get().machine
    others = [page(asked), f"/requests/new/?machine={vm.pk}", "/me/", "/nowhere/"]
    sizes = {path: squeezed(alice.get(path)) for path in others}
    assert max(sizes.values()) <= 10 * 1024, sizes


def squeezed(response) -> int:
    return len(gzip.compress(response.content, 6))


def test_styles_and_scripts_are_small():
    static = settings.STATICFILES_DIRS[0]
    css = sum(len(gzip.compress(f.read_bytes())) for f in static.rglob("*.css"))
    scripts = sum(len(gzip.compress(f.read_bytes())) for f in static.rglob("*.js"))
    assert css <= 15 * 1024
    assert scripts <= 30 * 1024


def test_no_page_has_inline_style_or_script(cast: Cast, opened, browser: Browser):
    bob = browser(cast.bob)
    for path in [
        "/",
        "/machines/",
        "/requests/",
        "/approvals/",
        "/open/",
        "/me/",
        page(opened.access_request),
    ]:
        html = bob.get(path).content.decode()
        assert not re.search(r"\sstyle=|<style|\son\w+=|<script(?![^>]*\ssrc=)", html), path


def test_what_is_open_says_its_end_once(cast: Cast, browser: Browser):
    make_open(approved(estate.machine("vm-1"), by=cast.alice, approver=cast.bob))
    alice = browser(cast.alice)
    assert "Open, ends" in words(alice.get("/"))
    assert "Open, ends" not in words(alice.get("/open/"))


def test_overdue_is_first_in_every_list(cast: Cast, browser: Browser):
    old = approved(estate.machine("vm-old"), by=cast.alice, approver=cast.bob)
    for number in range(3):
        vm = estate.machine(f"vm-{number}")
        make_open(approved(vm, by=cast.alice, approver=cast.bob))
    make_overdue(old)
    alice = browser(cast.alice)
    for path in ("/", "/requests/", "/open/"):
        text = words(alice.get(path)).split("Recent machines")[0]
        first = min(text.find("vm-old"), *(text.find(f"vm-{n}") for n in range(3)))
        assert text.find("vm-old") == first, path
        assert "Overdue: still open" in text


def test_pages_of_a_list_follow_each_other_without_gap_or_repetition(cast: Cast, browser: Browser):
    for number in range(60):
        estate.machine(f"vm-{number:03d}")
    alice, seen, path = browser(cast.alice), [], "/machines/"
    while path:
        html = alice.get(path).content.decode()
        seen += re.findall(r"vm-\d{3}(?=<span class=\"sub\")", html)
        found = re.search(r'name="cursor" value="([^"]+)">More', html)
        path = f"/machines/?cursor={found[1]}" if found else ""
    assert seen == [f"vm-{number:03d}" for number in range(60)]


@pytest.mark.parametrize("path", ["/machines/", "/requests/", "/open/", "/approvals/", "/ledger/"])
@pytest.mark.parametrize("cursor", ["nonsense", "cD1ub25zZW5zZQ==", "bz0tMQ==", "%00"])
def test_a_cursor_that_is_none_is_not_found(
    path: str, cursor: str, cast: Cast, vm, browser: Browser
):
    PersonRole.objects.create(person=cast.erin, role="approver")
    assert browser(cast.erin).get(path, {"cursor": cursor}).status_code in (200, 404)


def test_search_finds_by_each_word_and_says_when_nothing_matches(cast: Cast, browser: Browser):
    estate.machine("pay-db", environment="production", owner="payments")
    estate.machine("hr-db", owner="people")
    alice = browser(cast.alice)
    text = words(alice.get("/machines/", {"q": "db PROD"}))
    assert "pay-db" in text
    assert "hr-db" not in text
    assert "No machine matches" in words(alice.get("/machines/", {"q": "nothing"}))


def test_live_search_gets_the_results_alone(cast: Cast, vm, browser: Browser):
    headers = {"HX-Request": "true", "HX-Target": "results"}
    html = browser(cast.alice).get("/machines/", {"q": "vm"}, headers=headers).content.decode()
    assert html.lstrip().startswith('<div id="results">')


def test_requests_are_filtered_by_state(cast: Cast, browser: Browser):
    waiting = ask(estate.machine("vm-w"), by=cast.alice)
    done = approved(estate.machine("vm-d"), by=cast.alice, approver=cast.bob).access_request
    text = words(browser(cast.alice).get("/requests/", {"state": "pending"}))
    assert waiting.reference in text
    assert done.reference not in text


def test_only_ones_own_are_listed(cast: Cast, opened, browser: Browser):
    charlie = browser(cast.charlie)
    for path in ("/", "/requests/", "/open/", "/approvals/"):
        assert opened.access_request.reference not in words(charlie.get(path))


def test_the_open_list_answers_304_when_unchanged(cast: Cast, opened, browser: Browser):
    bob, poll = browser(cast.bob), {"HX-Target": "open-list"}
    mark = bob.get("/open/", headers=poll)["ETag"]
    assert bob.get("/open/", headers={**poll, "If-None-Match": mark}).status_code == 304
    make_overdue(opened)
    assert bob.get("/open/", headers={**poll, "If-None-Match": mark}).status_code == 200


class TestLedger:
    def test_for_others_it_does_not_exist(self, cast: Cast, browser: Browser):
        for person in (cast.alice, cast.bob, cast.charlie):
            assert browser(person).get("/ledger/").status_code == 404
            assert 'href="/ledger/"' not in browser(person).get("/").content.decode()
        for person in (cast.dana, cast.erin):
            assert browser(person).get("/ledger/").status_code == 200

    def test_filters_live_in_the_address(self, cast: Cast, opened, browser: Browser):
        erin, reference = browser(cast.erin), opened.access_request.reference
        fill_ledger(2, by=cast.charlie)
        tests = [
            ({"reference": reference.lower()}, "asked for access", "signed in"),
            ({"event": "person."}, "signed in", "asked for access"),
            ({"actor": "charl"}, "signed in", "asked for access"),
            ({"event": "request.approved"}, "Bob approved", "signed in"),
            ({"outcome": "failed"}, "No lines match", "signed in"),
            ({"since": "2001-01-01"}, "signed in", "No lines match"),
            ({"until": "2001-01-01"}, "No lines match", "signed in"),
        ]
        for query, there, not_there in tests:
            text = words(erin.get("/ledger/", query)).split("Filter ")[-1]
            assert there in text, query
            assert not_there not in text, query

    def test_a_filter_that_is_not_understood_says_so(self, cast: Cast, browser: Browser):
        fill_ledger(1, by=cast.alice)
        assert "not understood" in words(browser(cast.erin).get("/ledger/", {"since": "soon"}))

    def test_an_altered_line_is_marked(self, cast: Cast, browser: Browser):
        from django.db import connection

        from access import ledger_guard

        fill_ledger(3, by=cast.alice)
        assert "Hashes of these 3 lines hold" in words(browser(cast.erin).get("/ledger/"))
        ledger_guard.remove(connection)
        try:
            LedgerEntry.objects.filter(seq=2).update(actor_name="Mallory")
        finally:
            ledger_guard.install(connection)
        text = words(browser(cast.erin).get("/ledger/"))
        assert "1 line on this page altered" in text
        assert "does not match its hash" in text


class TestShell:
    def test_a_silent_closer_is_said_on_every_page(self, cast: Cast, browser: Browser):
        alice = browser(cast.alice)
        assert "closes access has not been seen" in words(alice.get("/me/"))
        be_seen()
        assert "closes access has not been seen" not in words(alice.get("/me/"))
        Heartbeat.objects.update(at=db_now() - timedelta(seconds=90))
        assert "closes access has not been seen" in words(alice.get("/me/"))

    def test_demo_and_simulation_are_banded(self, cast: Cast, browser: Browser, settings):
        assert "Demo: simulated Azure" in words(browser(cast.alice).get("/"))
        settings.AZURE_SIMULATED = False
        assert "Demo: simulated Azure" not in words(browser(cast.alice).get("/"))

    def test_approvers_see_how_many_wait(self, cast: Cast, vm, browser: Browser):
        ask(vm, by=cast.alice)
        assert "1 waiting for you" in words(browser(cast.bob).get("/me/"))

    def test_the_theme_is_kept_in_a_cookie_and_read_by_the_server(
        self, cast: Cast, browser: Browser
    ):
        alice = browser(cast.alice)
        response = alice.post(reverse("theme"), {"theme": "dark", "next": "/me/"})
        assert response.url == "/me/"
        assert 'data-theme="dark"' in alice.get("/me/").content.decode()
        assert alice.post(reverse("theme"), {"theme": "x", "next": "//evil.test/"}).url == "/"

    def test_the_zone_is_saved_and_names_the_times(self, cast: Cast, opened, browser: Browser):
        alice = browser(cast.alice)
        assert alice.post("/me/", {"zone": "Asia/Tokyo"}).status_code == 302
        text = words(alice.get(page(opened.access_request)))
        assert "JST" in text
        assert "UTC" in text
        assert alice.post("/me/", {"zone": "Mars/Olympus"}).status_code == 400


def test_nothing_is_shown_to_who_is_not_signed_in(client, db):
    for path in (
        "/",
        "/machines/",
        "/requests/",
        "/approvals/",
        "/open/",
        "/ledger/",
        "/me/",
        "/requests/new/",
        "/requests/BA-000001/",
        "/grants/1/end/",
    ):
        response = client.get(path)
        assert response.status_code == 302, path
        assert response.url.startswith("/sign-in/?next="), path
