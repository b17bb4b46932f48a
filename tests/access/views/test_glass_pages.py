"""Break-glass and reviews as people meet them."""

from __future__ import annotations

import csv
import re
import uuid
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from access.models import AccessRequest, LedgerEntry, Machine, Person, Review, Role
from access.services.reviews import review
from tests.access.views.conftest import make_open
from tests.support import estate
from tests.support.browsers import Browser
from tests.support.cast import Cast, approve, ask, person
from tests.support.glass import WHY, break_glass, is_due, is_over, on_call
from tests.support.ruling import one_approver, put_in_force
from tests.support.sessions import connected

PAGE = "/break-glass/"


@pytest.fixture(autouse=True)
def _named(db: None) -> None:
    on_call()


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def typed(vm: Machine, **changes: Any) -> dict[str, Any]:
    values = {
        "submission_key": str(uuid.uuid4()), "machine": vm.pk, "way": "window:22",
        "minutes": "30", "reason": WHY, "understood": "yes",
    }  # fmt: skip
    return values | changes


class TestThePage:
    def test_says_what_follows(self, cast: Cast, vm: Machine, browser: Browser) -> None:
        person("Ann", Role.APPROVER)
        seen = text(browser(cast.alice), f"{PAGE}?machine={vm.pk}")
        assert "Payments (1 person)" in seen
        assert "Anybody (2 people)" in seen
        assert "all administrators and auditors" in seen
        assert "Somebody else reviews it" in seen

    def test_offers_only_lengths_that_are_allowed(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        page = browser(cast.alice).get(f"{PAGE}?machine={vm.pk}").content.decode()
        assert re.findall(r'name="minutes" value="(\d+)"', page) == ["15", "30", "60", "90"]
        assert 'value="link:22"' not in page

    def test_does_not_exist_for_others(self, cast: Cast, vm: Machine, browser: Browser) -> None:
        for who in (cast.charlie, cast.bob, cast.erin):
            assert browser(who).get(f"{PAGE}?machine={vm.pk}").status_code == 404

    def test_one_click_opens(self, cast: Cast, vm: Machine, browser: Browser) -> None:
        answer = browser(cast.alice).post(PAGE, typed(vm))
        asked = AccessRequest.objects.get()
        assert answer["Location"] == f"/requests/{asked.reference}/"
        assert asked.approved_how == "break-glass"

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("understood", "", "Say that you understand"),
            ("reason", "now!", "at least 10 characters"),
            ("minutes", "240", "Select a valid choice"),
            ("way", "link:22", "Select a valid choice"),
        ],
    )
    def test_names_what_is_wrong(
        self, cast: Cast, vm: Machine, browser: Browser, field: str, value: str, message: str
    ) -> None:
        answer = browser(cast.alice).post(PAGE, typed(vm, **{field: value}))
        assert answer.status_code == 400
        page = answer.content.decode()
        assert message in page
        assert f'href="#id_{field}"' in page
        assert not AccessRequest.objects.exists()

    def test_who_is_not_named_and_sends_it_all_the_same_is_written_down(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        assert browser(cast.charlie).post(PAGE, typed(vm)).status_code == 403
        line = LedgerEntry.objects.get(event="break_glass.open.refused")
        assert line.actor_name == "Charlie"

    def test_the_fourth_is_refused_and_points_at_the_others(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        for number in range(3):
            is_over(break_glass(estate.machine(f"vm-{number}"), by=cast.alice))
        first = AccessRequest.objects.order_by("pk")[0]
        assert f"/requests/{first.reference}/" in (
            browser(cast.alice).get(f"{PAGE}?machine={vm.pk}").content.decode()
        )
        answer = browser(cast.alice).post(PAGE, typed(vm))
        assert answer.status_code == 409
        assert "Nothing was opened" in answer.content.decode()

    def test_the_words_of_a_request_that_waits_are_not_typed_twice(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        waits = ask(vm, by=cast.alice, reason="Orders are stuck")
        page = browser(cast.alice).get(f"{PAGE}?machine={vm.pk}&instead={waits.reference}")
        assert "Orders are stuck" in page.content.decode()
        theirs = ask(vm, by=cast.alan, reason="A secret of Alan's")
        page = browser(cast.alice).get(f"{PAGE}?machine={vm.pk}&instead={theirs.reference}")
        assert "A secret" not in page.content.decode()

    def test_a_reference_that_no_number_holds_is_nobody_s(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        """Python refuses to read so many digits: that was an error page in an emergency."""
        address = f"{PAGE}?machine={vm.pk}&instead=BA-{'9' * 4400}"
        assert browser(cast.alice).get(address).status_code == 200

    def test_no_machine_leads_to_the_list(self, cast: Cast, browser: Browser) -> None:
        assert browser(cast.alice).get(PAGE)["Location"] == "/machines/"
        assert browser(cast.alice).get(f"{PAGE}?machine=77").status_code == 404


class TestWhereItIsOffered:
    def test_beside_the_form_and_on_one_s_own_request_that_waits(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        offered = f"/break-glass/?machine={vm.pk}"
        assert (
            offered in browser(cast.alice).get(f"/requests/new/?machine={vm.pk}").content.decode()
        )
        waits = ask(vm, by=cast.alice)
        address = f"/requests/{waits.reference}/"
        assert offered in browser(cast.alice).get(address).content.decode()
        assert "/break-glass/" not in browser(cast.bob).get(address).content.decode()

    def test_not_to_whom_the_policy_does_not_name(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        page = browser(cast.charlie).get(f"/requests/new/?machine={vm.pk}").content.decode()
        assert "/break-glass/" not in page
        waits = ask(vm, by=cast.charlie)
        page = browser(cast.charlie).get(f"/requests/{waits.reference}/").content.decode()
        assert "/break-glass/" not in page


class TestTheRequestPage:
    def test_says_that_nobody_approved_it(self, cast: Cast, vm: Machine, browser: Browser) -> None:
        waits = ask(vm, by=cast.alice)
        asked = break_glass(vm, by=cast.alice)
        seen = text(browser(cast.alice), f"/requests/{asked.reference}/")
        assert "Opened without an approval, by break-glass." in seen
        assert "Review due" in seen
        assert f"{waits.reference} for the same machine still waits" in seen
        assert "opened it by break-glass, without an approval" in seen
        seen = text(browser(cast.bob), f"/requests/{waits.reference}/")
        assert f"opened this by break-glass: {asked.reference}" in seen

    def test_says_the_verdict(self, cast: Cast, vm: Machine, browser: Browser) -> None:
        asked = is_over(break_glass(vm, by=cast.alice))
        review(asked, by=cast.bob, verdict="unjustified", comment="It could have waited")
        seen = text(browser(cast.alice), f"/requests/{asked.reference}/")
        assert "Reviewed by Bob: not justified. “It could have waited”" in seen

    def test_lists_mark_it(self, cast: Cast, vm: Machine, browser: Browser) -> None:
        make_open(break_glass(vm, by=cast.alice).grants.get())
        for address in ("/", "/requests/"):
            assert "Break-glass" in text(browser(cast.alice), address)
        assert "Break-glass" in text(browser(cast.bob), "/open/")


class TestReviews:
    def test_what_is_overdue_is_on_top(self, cast: Cast, vm: Machine, browser: Browser) -> None:
        later = break_glass(vm, by=cast.alice)
        late = is_due(is_over(break_glass(estate.machine("vm-2"), by=cast.alice)), hours=-1)
        page = browser(cast.erin).get("/reviews/").content.decode()
        assert page.index(late.reference) < page.index(later.reference)
        assert "Review overdue" in page
        assert 'class="late"' in page

    def test_shows_how_long_and_who_was_connected(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        asked = is_over(break_glass(vm, by=cast.alice))
        connected(vm, minutes=10, user_name="root")
        seen = text(browser(cast.bob), "/reviews/")
        assert "15 min" in seen
        assert "1 session" in seen
        seen = text(browser(cast.bob), f"/reviews/{asked.reference}/")
        assert "root by SSH" in seen
        assert WHY in seen

    def test_bob_says_it_was_justified(self, cast: Cast, vm: Machine, browser: Browser) -> None:
        asked = is_over(break_glass(vm, by=cast.alice))
        client = browser(cast.bob)
        assert '<span class="count">1' in client.get("/reviews/").content.decode()
        form = {"verdict": "justified", "comment": "The alarm was real"}
        assert client.post(f"/reviews/{asked.reference}/", form)["Location"] == "/reviews/"
        assert Review.objects.get().reviewed_by == cast.bob
        seen = text(client, "/reviews/")
        assert "Nothing waits for a review" in seen
        assert "The alarm was real" in seen

    def test_without_words_the_form_says_so(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        asked = is_over(break_glass(vm, by=cast.alice))
        answer = browser(cast.bob).post(f"/reviews/{asked.reference}/", {"comment": " "})
        assert answer.status_code == 400
        for field in ("verdict", "comment"):
            assert f'href="#id_{field}"' in answer.content.decode()

    def test_the_second_verdict_is_shown_the_first(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        asked = is_over(break_glass(vm, by=cast.alice))
        review(asked, by=cast.erin, verdict="justified", comment="I looked")
        form = {"verdict": "unjustified", "comment": "No"}
        answer = browser(cast.bob).post(f"/reviews/{asked.reference}/", form)
        assert answer.status_code == 409
        assert "Erin has reviewed this already" in answer.content.decode()

    def test_who_opened_it_looks_and_is_not_counted(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        cast.dana.roles.create(role=Role.ENGINEER)
        dana = Person.objects.get(pk=cast.dana.pk)
        asked = is_over(break_glass(vm, by=dana))
        page = browser(dana).get("/reviews/").content.decode()
        assert "Not yours to review" in page
        assert '<span class="count">' not in page
        assert (
            "Save the review"
            not in browser(dana).get(f"/reviews/{asked.reference}/").content.decode()
        )

    def test_does_not_exist_for_engineers(self, cast: Cast, vm: Machine, browser: Browser) -> None:
        asked = break_glass(vm, by=cast.alice)
        client = browser(cast.charlie)
        for address in ("/reviews/", f"/reviews/{asked.reference}/", "/reviews/approvals/"):
            assert client.get(address).status_code == 404
        assert client.post("/reviews/approvals.csv").status_code == 404

    def test_the_list_costs_the_same_for_one_and_for_many(
        self, cast: Cast, browser: Browser
    ) -> None:
        put_in_force(one_approver(break_glass={"who": [{"role": "engineer"}]}))
        client = browser(cast.erin)
        for number in range(2):
            vm = estate.machine(f"vm-{number}")
            is_over(break_glass(vm, by=cast.alice))
            connected(vm, minutes=10)
        with CaptureQueriesContext(connection) as few:
            client.get("/reviews/")
        for number in range(3):
            vm = estate.machine(f"vm-x{number}")
            is_over(break_glass(vm, by=person(f"E{number}", Role.ENGINEER)))
            connected(vm, minutes=10)
        with CaptureQueriesContext(connection) as many:
            client.get("/reviews/")
        assert len(many) == len(few) <= 15


class TestWhoApprovesWhom:
    def test_pairs_are_shown_and_taken_away(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        put_in_force(one_approver())
        ann = person("=Ann", Role.ENGINEER, Role.APPROVER)
        approve(ask(vm, by=cast.bob), by=ann)
        approve(ask(vm, by=ann), by=cast.bob)
        client = browser(cast.erin)
        assert "They approve each other" in text(client, "/reviews/approvals/")
        assert "Bob and =Ann" in text(client, "/reviews/approvals/") or "=Ann and Bob" in text(
            client, "/reviews/approvals/"
        )
        answer = client.post("/reviews/approvals.csv")
        rows = list(csv.reader(StringIO(answer.content.decode())))
        assert {row[0] for row in rows[1:]} == {"Bob", "'=Ann"}
        line = LedgerEntry.objects.get(event="reviews.exported")
        assert (line.actor_name, line.data["rows"]) == ("Erin", 2)
        assert client.get("/reviews/approvals.csv").status_code == 405

    def test_says_when_there_is_nothing(self, cast: Cast, browser: Browser) -> None:
        seen = text(browser(cast.bob), "/reviews/approvals/")
        assert "Nobody approved anything" in seen
