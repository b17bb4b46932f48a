"""Asking over the API: what is refused, what is limited, and what may be repeated."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from access.models import AccessRequest, Comment, Grant, LedgerEntry, Person
from tests.access.api.calling import Caller, in_session, token_of
from tests.support.cast import Cast, approved, ask
from tests.support.estate import machine

KEY = "Idempotency-Key"


def wanted(vm: Any, **changes: Any) -> dict[str, Any]:
    base = {"machine_id": vm.pk, "kind": "window", "port": 22, "minutes": 30, "reason": "Disk"}
    return base | changes


FORBIDDEN = {
    "status": "approved", "state": "approved", "approved_by": 1, "decided_by": 1, "requester": 1,
    "requester_id": 1, "revoke_due_at": "2030-01-01T00:00:00Z", "is_staff": True, "stage": 9,
    "approved_minutes": 600, "approved_how": "rule", "hold": "", "id": 1, "policy": {},
    "submission_key": str(uuid.uuid4()), "terms": {}, "by": 1, "person": 1, "scopes": ["read"],
}  # fmt: skip


@pytest.mark.parametrize("field", sorted(FORBIDDEN))
@pytest.mark.parametrize(
    "what",
    ["create", "preview", "change", "extend", "withdraw", "approve", "deny", "comment", "end"],
)
def test_nobody_sets_what_is_not_theirs(cast: Cast, what: str, field: str) -> None:
    """X-52: every write of the API, every field that nobody may set: 400, and nothing changed."""
    vm = machine()
    asked = ask(vm, by=cast.alice)
    digest = asked.terms_digest
    path = f"requests/{asked.reference}"
    calls: dict[str, tuple[Person, str, dict[str, Any]]] = {
        "create": (cast.alan, "requests/", wanted(vm)),
        "preview": (cast.alan, "requests/preview/", wanted(vm)),
        "change": (cast.alice, f"{path}/change/",
                   {"revision": 1, "minutes": 45, "start": None, "reason": "x", "ticket": ""}),
        "extend": (cast.alice, f"{path}/extend/", {"minutes": 30, "reason": "x"}),
        "withdraw": (cast.alice, f"{path}/withdraw/", {}),
        "approve": (cast.bob, f"{path}/approve/", {"terms_digest": digest}),
        "deny": (cast.bob, f"{path}/deny/", {"terms_digest": digest, "comment": "no"}),
        "comment": (cast.alice, f"{path}/comments/", {"text": "Hello"}),
    }  # fmt: skip
    if what == "end":
        grant = approved(machine("vm-app-09"), by=cast.alice, approver=cast.bob)
        calls["end"] = (cast.alice, f"grants/{grant.pk}/end/", {"reason": "x"})
    who, where, sent = calls[what]
    before = (list(AccessRequest.objects.values()), list(Grant.objects.values()))
    answer = in_session(who).post(where, {**sent, field: FORBIDDEN[field]})
    assert answer.status_code == 400, answer.content
    assert answer.json()["errors"][field] == ["Unknown field."]
    assert (list(AccessRequest.objects.values()), list(Grant.objects.values())) == before
    assert not Comment.objects.exists()


@pytest.mark.parametrize("how", ["session", "token"])
def test_no_step_is_skipped(cast: Cast, how: str) -> None:
    """X-55: there is no way to open what nobody approved, neither by an address nor by a task."""
    from access import engine, tasks

    asked = ask(machine(), by=cast.alice)
    caller: Caller = in_session(cast.alice) if how == "session" else token_of(cast.alice)[0]
    for verb in ("open", "approve", "confirm", "activate", "state"):
        answer = caller.post(f"requests/{asked.reference}/{verb}/", {})
        assert answer.status_code in (400, 403, 404)
    for method in ("put", "patch", "delete"):
        call = getattr(caller.client, method)
        path = f"/api/v1/requests/{asked.reference}/"
        answer = call(path, {"state": "approved"}, content_type="application/json",
                      headers=caller.headers)  # fmt: skip
        assert answer.status_code == 405
    assert not Grant.objects.exists()
    for gate in asked.doors.values_list("machine__jit_ports__gate", flat=True):
        tasks.wake([gate])
        engine.look_at(gate)
    asked.refresh_from_db()
    assert asked.state == "pending"
    assert not Grant.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"minutes": -30}, "minutes"),
        ({"minutes": 0}, "minutes"),
        ({"minutes": 10 * 365 * 24 * 60}, "minutes"),
        ({"minutes": "NaN"}, "minutes"),
        ({"minutes": "Infinity"}, "minutes"),
        ({"minutes": 1e400}, "minutes"),
        ({"minutes": 30.5}, "minutes"),
        ({"minutes": None}, "minutes"),
        ({"minutes": 4}, "minutes"),
        ({"start": "2026-03-29T02:30:00"}, "start"),
        ({"start": "2020-01-01T00:00:00Z"}, "start"),
        ({"start": "9999-12-31T23:59:59Z"}, "start"),
        ({"start": "0001-01-01T00:00:00Z"}, "start"),
        ({"start": "NaN"}, "start"),
        ({"machine_id": 2**63}, "machine_id"),
        ({"machine_id": -1}, "machine_id"),
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
    ],
)
def test_impossible_times_and_numbers(cast: Cast, changes: dict[str, Any], field: str) -> None:
    """X-56: negative, zero, ten years, not a number, the hour that clocks skip, the past."""
    Person.objects.filter(pk=cast.alice.pk).update(zone="Europe/Berlin")
    answer = in_session(cast.alice).post("requests/", wanted(machine(), **changes))
    assert answer.status_code == 400, answer.content
    detail = answer.json()
    assert detail["type"] == "urn:bastion-access:invalid" or field == "minutes"
    assert field in detail.get("errors", {field: ""})
    assert not AccessRequest.objects.exists()


def test_too_many_waiting_requests_of_one_person(cast: Cast, settings: Any) -> None:
    """X-57: refused with the limit shown, for auditors to see; deciding one makes room."""
    settings.ACCESS_MOST_WAITING_OF_PERSON = 2
    alice = in_session(cast.alice)
    made = [
        alice.post("requests/", wanted(machine(f"vm-app-{n}"))).json()["reference"] for n in "12"
    ]
    third = wanted(machine("vm-app-3"))
    refused = alice.post("requests/", third)
    assert refused.status_code == 400
    assert "2 of your requests wait, which is the most" in refused.json()["detail"]
    assert LedgerEntry.objects.filter(event="request.submit.refused").count() == 1
    alice.post(f"requests/{made[0]}/withdraw/")
    assert alice.post("requests/", third).status_code == 201


def test_too_many_waiting_requests_for_one_machine(cast: Cast, settings: Any) -> None:
    """X-57"""
    settings.ACCESS_MOST_WAITING_FOR_MACHINE = 2
    vm = machine()
    for who in (cast.alice, cast.alan):
        assert in_session(who).post("requests/", wanted(vm)).status_code == 201
    refused = in_session(cast.charlie).post("requests/", wanted(vm))
    assert "2 requests for vm-app-01 wait, which is the most" in refused.json()["detail"]
    other = wanted(machine("vm-app-02"))
    assert in_session(cast.charlie).post("requests/", other).status_code == 201


def test_too_many_calls_are_told_when_to_come_back(cast: Cast, settings: Any) -> None:
    """X-57: every answer says what is left; a token has a measure of its own."""
    rates = {**settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "calls": "3/min"}
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates}
    alice, (token, _) = in_session(cast.alice), token_of(cast.alice)
    left = [alice.get("me/")["RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    refused = alice.get("me/")
    assert refused.status_code == 429
    assert refused.json()["type"] == "urn:bastion-access:throttled"
    assert (refused["RateLimit-Limit"], refused["RateLimit-Policy"]) == ("3", "3;w=60")
    assert 0 < int(refused["Retry-After"]) <= 60
    assert token.get("me/").status_code == 200


def test_the_same_key_with_something_else_is_refused(cast: Cast) -> None:
    vm, key = machine(), str(uuid.uuid4())
    alice = in_session(cast.alice)
    first = alice.post("requests/", wanted(vm), **{KEY: key}).json()["reference"]
    again = alice.post("requests/", wanted(vm), **{KEY: key})
    assert (again.status_code, again.json()["reference"]) == (201, first)
    for changes in ({"minutes": 60}, {"reason": "Other"}, {"ticket": "INC-1"}):
        other = alice.post("requests/", wanted(vm, **changes), **{KEY: key})
        assert other.status_code == 422
        assert other.json()["type"] == "urn:bastion-access:key-reused"
        assert first in other.json()["detail"]
    assert AccessRequest.objects.count() == 1
    path, key = f"requests/{first}/comments/", str(uuid.uuid4())
    ids = {alice.post(path, {"text": "Hello"}, **{KEY: key}).json()["id"] for _ in range(2)}
    assert len(ids) == 1
    assert alice.post(path, {"text": "Bye"}, **{KEY: key}).status_code == 422


def test_a_preview_tells_and_keeps_nothing(cast: Cast) -> None:
    vm = machine()
    before = LedgerEntry.objects.count()
    alice = in_session(cast.alice)
    told = alice.post("requests/preview/", wanted(vm)).json()
    assert (told["accepted"], told["decided"]) == (True, "by-people")
    assert [(stage["needed"], stage["people"]) for stage in told["stages"]] == [(1, 1)]
    assert told["preflight"][0]["machine"] == vm.name
    wrong = alice.post("requests/preview/", wanted(vm, minutes=100_000)).json()
    assert wrong["accepted"] is False
    assert wrong["problems"]
    assert not AccessRequest.objects.exists()
    assert LedgerEntry.objects.count() == before
    assert in_session(cast.erin).post("requests/preview/", wanted(vm)).status_code == 403


def test_how_to_connect_is_for_whom_it_was_given_to(cast: Cast) -> None:
    grant = approved(machine(), by=cast.alice, approver=cast.bob)
    path = f"grants/{grant.pk}/connect/"
    alice, _ = token_of(cast.alice)
    told = alice.get(path).json()
    assert (told["ready"], told["commands"]) == (False, [])
    assert told["why"] == "It is approved and has not begun yet."
    now = timezone.now()
    Grant.objects.filter(pk=grant.pk).update(
        state="open", opened_at=now, starts_at=now, ends_at=now + timedelta(minutes=30)
    )
    told = alice.get(path, user_name="ada", local_port="2022").json()
    assert told["ready"] is True
    first = told["commands"][0]
    assert first["argv"][:4] == ["az", "network", "bastion", "ssh"]
    assert {each["language"] for each in told["commands"]} <= {"bash", "powershell", "address"}
    tunnel = next(each for each in told["commands"] if "tunnel" in (each["argv"] or []))
    assert tunnel["argv"][-1] == "2022"
    assert any("ada@127.0.0.1" in each["text"] for each in told["commands"])
    for wrong in ({"user_name": "-x"}, {"local_port": "22"}, {"shell": "x"}):
        assert alice.get(path, **wrong).status_code == 400
    for who in (cast.charlie, cast.bob, cast.dana):
        assert in_session(who).get(path).status_code == 404


FOR_A_VENDOR = {
    "kind": "link", "vendor_name": "V. Technician", "vendor_company": "Vendor Ltd",
    "vendor_mail": "technician@vendor.test", "vendor_phone": "+49 30 1234567",
    "vendor_checked": True, "vendor_credentials": "Alice reads it out",
    "vendor_alias": "Billing server", "vendor_language": "de", "vendor_zone": "Asia/Tokyo",
    "vendor_sources": ["198.51.100.0/24"],
}  # fmt: skip


class TestForAVendor:
    def test_what_was_said_of_them_is_read_back(self, cast: Cast) -> None:
        caller, _ = token_of(cast.alice)
        body = wanted(machine(), **FOR_A_VENDOR)
        assert caller.post("requests/preview/", body).json()["problems"] == {}
        made = caller.post("requests/", body)
        assert made.status_code == 201, made.content
        details = made.json()["details"]
        assert set(details) == {
            "phone", "alias", "credentials", "zone", "language", "sources", "checked_by",
            "checked_at",
        }  # fmt: skip
        assert (details["phone"], details["checked_by"]) == ("+49 30 1234567", "Alice")
        assert details["sources"] == ["198.51.100.0/24"]

    def test_the_same_key_with_other_details_is_not_taken_for_the_first(self, cast: Cast) -> None:
        """Else somebody would believe that only their office may come in."""
        caller, _ = token_of(cast.alice)
        vm, key = machine(), {KEY: str(uuid.uuid4())}
        body = wanted(vm, **FOR_A_VENDOR)
        first = caller.post("requests/", body, **key)
        again = caller.post("requests/", body, **key)
        assert first.json()["reference"] == again.json()["reference"]
        other = caller.post("requests/", body | {"vendor_sources": []}, **key)
        assert (other.status_code, other.json()["type"]) == (422, "urn:bastion-access:key-reused")

    @pytest.mark.parametrize(
        ("field", "value"),
        [("phone", "call me"), ("checked", False), ("alias", "x" * 81), ("credentials", ""),
         ("zone", "Mars/Base"), ("language", "xx"), ("sources", ["0.0.0.0/0"]),
         ("sources", "everywhere"), ("mail", "bob@example.test")],
    )  # fmt: skip
    def test_what_is_wrong_is_said_of_its_field(self, field: str, value: Any, cast: Cast) -> None:
        caller, _ = token_of(cast.alice)
        body = wanted(machine(), **(FOR_A_VENDOR | {f"vendor_{field}": value}))
        refused = caller.post("requests/", body)
        assert refused.status_code == 400
        assert list(refused.json()["errors"]) == [f"vendor_{field}"]
        assert not AccessRequest.objects.exists()

    def test_a_window_is_for_nobody_else(self, cast: Cast) -> None:
        caller, _ = token_of(cast.alice)
        made = caller.post("requests/", wanted(machine(), **(FOR_A_VENDOR | {"kind": "window"})))
        assert (made.status_code, made.json()["details"]) == (201, {})
