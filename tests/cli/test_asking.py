"""Asking, waiting, looking, ending: alice at her terminal, bob at the pages."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from access import services
from access.models import AccessRequest, EndOrder, Machine, Person
from tests.cli.conftest import Terminal, set_open
from tests.support.cast import Cast, approve, approved, ask
from tests.support.estate import machine

Sits = Callable[[Person], Terminal]
SEND = ("--reason", "Disk is full", "--yes")
VENDOR = (
    "--kind", "link", "--vendor-name", "V. Technician", "--vendor-company", "Vendor Ltd",
    "--vendor-mail", "technician@vendor.test", "--vendor-phone", "+49 30 1234567",
    "--vendor-checked", "--vendor-login", "Alice, by phone",
)  # fmt: skip


def meanwhile(work: Callable[[], Any]) -> threading.Thread:
    """As soon as somebody has asked."""
    from django.db import connection

    def run() -> None:
        try:
            for _ in range(200):
                if AccessRequest.objects.exists():
                    work()
                    return
                threading.Event().wait(0.02)
        finally:
            connection.close()

    made = threading.Thread(target=run)
    made.start()
    return made


class TestRequest:
    def test_by_name(self, people: Cast, vm: Machine, sits: Sits) -> None:
        terminal = sits(people.alice)
        words = ("request", "VM-APP-01", "--ssh", "--for", "1h30m", "--ticket", "INC-1", *SEND)
        told = terminal.json(*words)
        asked = AccessRequest.objects.get()
        assert told["state"] == "pending"
        assert told["request"]["reference"] == asked.reference
        assert (asked.duration_minutes, asked.ticket, asked.reason) == (90, "INC-1", "Disk is full")
        assert asked.requester == people.alice

    def test_shows_what_it_needs_and_asks(self, people: Cast, vm: Machine, sits: Sits) -> None:
        terminal = sits(people.alice)
        result = terminal.run("request", "vm-app-01", "--reason", "Disk")
        assert result.exit_code == 2
        assert "Decided by" in result.stderr
        assert "--yes" in result.stderr
        assert result.stdout == ""
        assert not AccessRequest.objects.exists()

    def test_what_would_be_refused_is_said_before(
        self, people: Cast, vm: Machine, sits: Sits
    ) -> None:
        terminal = sits(people.alice)
        result = terminal.run("request", "vm-app-01", "--reason", "Disk", "--for", "9d")
        assert result.exit_code == 1
        assert "minutes:" in result.stderr

    def test_field_errors_are_sentences(self, people: Cast, vm: Machine, sits: Sits) -> None:
        terminal = sits(people.alice)
        result = terminal.run("request", "vm-app-01", "--for", "9d", *SEND)
        assert result.exit_code == 1
        assert "minutes:" in result.stderr
        as_json = terminal.run("request", "vm-app-01", "--for", "9d", *SEND, "--json")
        error = json.loads(as_json.stderr)["error"]
        assert (as_json.stdout, error["kind"], error["status"]) == ("", "invalid", 400)
        assert list(error["errors"]) == ["minutes"]

    def test_several_of_a_name_are_listed(self, people: Cast, vm: Machine, sits: Sits) -> None:
        other = machine("vm-app-02")
        terminal = sits(people.alice)
        result = terminal.run("request", "vm-app", *SEND)
        assert result.exit_code == 2
        assert f"#{vm.pk}" in result.stderr
        assert f"#{other.pk}" in result.stderr
        told = terminal.json("request", f"#{other.pk}", *SEND)
        assert told["request"]["doors"][0]["machine"] == "vm-app-02"

    def test_a_vendor_is_invited_and_what_was_said_of_them_is_shown(
        self, people: Cast, vm: Machine, sits: Sits
    ) -> None:
        terminal = sits(people.alice)
        told = terminal.json("request", "vm-app-01", *VENDOR, "--vendor-source", "198.51.100.7",
                             "--vendor-source", "203.0.113.0/24", *SEND)  # fmt: skip
        asked = AccessRequest.objects.get()
        assert asked.details["sources"] == ["198.51.100.7/32", "203.0.113.0/24"]
        assert asked.details["checked_by"] == "Alice"
        shown = terminal.ok("show", told["request"]["reference"])
        for said in ("+49 30 1234567", "Alice, by phone", "203.0.113.0/24", "by Alice"):
            assert said in shown

    def test_a_window_shows_nothing_of_a_vendor(
        self, people: Cast, vm: Machine, sits: Sits
    ) -> None:
        asked = ask(vm, by=people.alice)
        assert "Checked" not in sits(people.alice).ok("show", asked.reference)

    def test_several_machines_are_one_request(self, people: Cast, vm: Machine, sits: Sits) -> None:
        machine("vm-app-02")
        told = sits(people.alice).json("request", "vm-app-01", "vm-app-02", *SEND)
        names = {door["machine"] for door in told["request"]["doors"]}
        assert names == {"vm-app-01", "vm-app-02"}

    @pytest.mark.parametrize(
        ("words", "hint"),
        [
            (("vm-none",), "No machine"),
            (("vm-app-01", "--rdp"), "no RDP to offer"),
            (("vm-app-01", "--ssh", "--rdp"), "one of"),
            (("vm-app-01", "--for", "soon"), "no length"),
            (("vm-app-01", "--start", "soon"), "no start"),
            (("vm-app-01", "--kind", "magic"), "no magic to offer"),
            (("vm-app-01", "--kind", "link"), "say --vendor-name, --vendor-company"),
            (("vm-app-01", "--vendor-phone", "1234567"), "--vendor-phone is for --kind link"),
        ],
    )
    def test_what_cannot_be_meant(
        self, words: tuple[str, ...], hint: str, people: Cast, vm: Machine, sits: Sits
    ) -> None:
        result = sits(people.alice).run("request", *words, *SEND)
        assert result.exit_code == 2
        assert hint in " ".join(result.stderr.split())
        assert not AccessRequest.objects.exists()

    def test_a_lost_answer_asks_once(
        self, people: Cast, vm: Machine, sits: Sits, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The request was made, its answer never came: it is sent again with the same key."""
        import httpx

        from bastion_access import portal

        once, lost = portal.Portal._once, []

        def lose_first(self: portal.Portal, method: str, path: str, **options: Any) -> Any:
            answer = once(self, method, path, **options)
            if method == "POST" and not lost:
                lost.append(path)
                raise httpx.ReadError("connection reset")
            return answer

        monkeypatch.setattr(portal.Portal, "_once", lose_first)
        monkeypatch.setattr(portal, "PAUSE", 0.01)
        terminal = sits(people.alice)
        told = terminal.json("request", "vm-app-01", *SEND)
        assert lost == ["requests/"]
        assert AccessRequest.objects.get().reference == told["request"]["reference"]

    def test_waits_until_it_is_open(self, people: Cast, vm: Machine, sits: Sits) -> None:
        def approve_and_open() -> None:
            asked = approve(AccessRequest.objects.get(), by=people.bob)
            set_open(asked.grants.get())

        helping = meanwhile(approve_and_open)
        told = sits(people.alice).json("request", "vm-app-01", *SEND, "--wait")
        helping.join()
        assert told["state"] == "open"
        assert told["grants"][0]["machine"] == "vm-app-01"

    def test_a_denial_ends_the_wait(self, people: Cast, vm: Machine, sits: Sits) -> None:
        def deny() -> None:
            asked = AccessRequest.objects.get()
            said = {"terms_digest": asked.terms_digest, "comment": "Not \x1b[2Jnow"}
            services.deny(asked, by=people.bob, **said)

        helping = meanwhile(deny)
        result = sits(people.alice).run("request", "vm-app-01", *SEND, "--wait")
        helping.join()
        assert result.exit_code == 5
        assert "was denied" in result.stderr
        assert "\x1b[2J" not in result.output


class TestWait:
    def test_times_out(self, people: Cast, vm: Machine, sits: Sits) -> None:
        asked = ask(vm, by=people.alice)
        result = sits(people.alice).run("wait", asked.reference, "--timeout", "1s")
        assert result.exit_code == 4

    def test_of_what_was_withdrawn(self, people: Cast, vm: Machine, sits: Sits) -> None:
        asked = ask(vm, by=people.alice)
        terminal = sits(people.alice)
        told = terminal.json("withdraw", asked.reference)
        assert told["request"]["state"] == "withdrawn"
        assert terminal.run("wait", asked.reference).exit_code == 6
        assert terminal.run("withdraw", asked.reference).exit_code == 1

    def test_numbers_are_references(self, people: Cast, vm: Machine, sits: Sits) -> None:
        grant = set_open(approved(vm, by=people.alice, approver=people.bob))
        number = str(grant.access_request_id)
        told = sits(people.alice).json("wait", number)
        assert set(told) == {"state", "request", "grants"}
        assert told["state"] == "open"


class TestLooking:
    def test_lists(self, people: Cast, vm: Machine, sits: Sits) -> None:
        mine, theirs = ask(vm, by=people.alice), ask(vm, by=people.alan)
        terminal = sits(people.alice)
        assert [row["reference"] for row in terminal.json("list")["results"]] == [mine.reference]
        assert mine.reference in terminal.ok("list", "--mine")
        assert terminal.json("list", "--state", "approved")["results"] == []
        grant = approve(mine, by=people.bob).grants.get()
        assert "scheduled" in terminal.ok("list")
        set_open(grant)
        assert " open " in terminal.ok("list")
        terminal = sits(people.bob)
        waiting = [row["reference"] for row in terminal.json("list", "--waiting")["results"]]
        assert waiting == [theirs.reference]
        assert terminal.run("list", "--all", "--mine").exit_code == 2

    def test_show_says_all_and_nobody_elses(self, people: Cast, vm: Machine, sits: Sits) -> None:
        grant = set_open(approved(vm, by=people.alice, approver=people.bob))
        reference = grant.access_request.reference
        terminal = sits(people.alice)
        terminal.ok("comment", reference, "Nearly done")
        told = terminal.json("show", reference)
        assert set(told) == {"state", "request", "grants", "comments"}
        assert told["comments"][0]["text"] == "Nearly done"
        shown = terminal.ok("show", reference)
        assert all(words in shown for words in ("vm-app-01", "SSH", "Disk is full", "Nearly done"))
        assert sits(people.charlie).run("show", reference).exit_code == 1

    def test_pages_are_followed(self, people: Cast, vm: Machine, sits: Sits) -> None:
        for number in range(2, 260):
            Machine.objects.create(
                name=f"vm-x-{number:03}", resource_id=f"/x/{number}", resource_key=f"/x/{number}",
                synced_at=vm.synced_at, os="linux",
            )  # fmt: skip
        terminal = sits(people.alice)
        assert len(terminal.json("machines", "--limit", "230")["results"]) == 230
        assert len(terminal.json("machines", "--limit", "2000")["results"]) == 259
        assert "vm-app-01" in terminal.ok("machines", "app")

    def test_the_ledger_is_for_some(self, people: Cast, vm: Machine, sits: Sits) -> None:
        asked = ask(vm, by=people.alice)
        assert sits(people.alice).run("ledger").exit_code == 1
        terminal = sits(people.erin)
        rows = terminal.json("ledger", "--reference", asked.reference, "--since", "1h")["results"]
        assert {row["reference"] for row in rows} == {asked.reference}
        assert asked.reference in terminal.ok("ledger", "--event", "request.submitted")

    def test_open_now(self, people: Cast, vm: Machine, sits: Sits) -> None:
        grant = set_open(approved(vm, by=people.alice, approver=people.bob))
        told = sits(people.dana).json("open-now")
        assert [each["id"] for each in told["grants"]] == [grant.pk]
        assert told["sessions"] == []
        assert "vm-app-01" in sits(people.dana).ok("open-now")


class TestAfterwards:
    def test_end(self, people: Cast, vm: Machine, sits: Sits) -> None:
        grant = set_open(approved(vm, by=people.alice, approver=people.bob))
        terminal = sits(people.alice)
        told = terminal.json("end", grant.access_request.reference)
        assert told["grants"][0]["end_ordered"] is True
        assert EndOrder.objects.get().grant == grant
        terminal.ok("end", grant.access_request.reference)  # twice is once
        assert EndOrder.objects.count() == 1

    def test_another_ones_end_wants_a_reason(self, people: Cast, vm: Machine, sits: Sits) -> None:
        grant = set_open(approved(vm, by=people.alice, approver=people.bob))
        terminal = sits(people.dana)
        assert terminal.run("end", grant.access_request.reference).exit_code == 1
        terminal.ok("end", grant.access_request.reference, "--reason", "Incident")

    def test_more_time(self, people: Cast, vm: Machine, sits: Sits) -> None:
        grant = set_open(approved(vm, by=people.alice, approver=people.bob))
        reference = grant.access_request.reference
        terminal = sits(people.alice)
        told = terminal.json("extend", reference, "--for", "15m", "--reason", "Slow", "--yes")
        assert told["request"]["extends"] == reference
        assert told["state"] == "pending"
        approve(AccessRequest.objects.get(extends__isnull=False), by=people.bob)
        assert terminal.json("wait", told["request"]["reference"])["state"] == "open"

    @pytest.mark.parametrize("verb", ["approve", "deny"])
    def test_decisions_are_made_on_the_page(
        self, verb: str, people: Cast, vm: Machine, sits: Sits
    ) -> None:
        """X-02: no token decides."""
        asked = ask(vm, by=people.alice)
        terminal = sits(people.bob)
        page = f"{terminal.url}/requests/{asked.reference}/"
        assert terminal.ok(verb, asked.reference, "--no-browser").strip() == page
        assert terminal.json(verb, asked.reference)["url"] == page
        asked.refresh_from_db()
        assert asked.state == "pending"

    def test_the_browser_is_opened_where_there_is_one(
        self, people: Cast, vm: Machine, sits: Sits, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened: list[str] = []
        monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
        asked = ask(vm, by=people.alice)
        terminal = sits(people.bob)
        terminal.ok("approve", asked.reference)
        assert opened == []
        terminal.ok("approve", asked.reference, DISPLAY=":0")
        assert opened == [f"{terminal.url}/requests/{asked.reference}/"]
