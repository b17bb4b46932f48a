"""The API: the same rules as the pages, errors as problem+json, and a schema that is kept."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from access.models import AccessRequest, EndOrder, Grant, Person
from tests.support.cast import Cast, approve, ask
from tests.support.estate import machine

ROOT = Path(__file__).resolve().parents[2]


def signed_in(who: Person) -> Client:
    client = Client(enforce_csrf_checks=False)
    client.force_login(who)
    return client


def post(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    return client.post(
        f"/api/v1/{path}", body or {}, content_type="application/json", headers=headers
    )


def wanted(vm: Any, **changes: Any) -> dict[str, Any]:
    base = {"machine_id": vm.pk, "kind": "window", "port": 22, "minutes": 30, "reason": "Disk"}
    return base | changes


def test_nobody_gets_nothing(db: None) -> None:
    for path in ("machines", "requests", "grants", "ledger", "schema"):
        answer = Client().get(f"/api/v1/{path}/")
        assert answer.status_code == 401
        assert answer["Content-Type"] == "application/problem+json"


def test_ask_approve_end_through_the_api(cast: Cast) -> None:
    vm = machine()
    alice, bob = signed_in(cast.alice), signed_in(cast.bob)
    made = post(alice, "requests/", wanted(vm))
    assert made.status_code == 201
    asked = made.json()
    digest = {"terms_digest": asked["terms_digest"]}
    approved = post(bob, f"requests/{asked['reference']}/approve/", digest)
    assert approved.json()["state"] == "approved"
    (grant,) = alice.get("/api/v1/grants/").json()["results"]
    assert (grant["reference"], grant["state"]) == (asked["reference"], "scheduled")
    ended = post(alice, f"grants/{grant['id']}/end/", {"reason": "Done"})
    assert ended.json()["end_ordered"] is True
    assert EndOrder.objects.count() == 1


def test_the_same_key_gives_the_same_request(cast: Cast) -> None:
    vm, key = machine(), str(uuid.uuid4())
    alice = signed_in(cast.alice)
    references = {
        post(alice, "requests/", wanted(vm), **{"Idempotency-Key": key}).json()["reference"]
        for _ in range(3)
    }
    assert len(references) == 1
    assert AccessRequest.objects.count() == 1


@pytest.mark.parametrize(
    "extra",
    [
        {"state": "approved"},
        {"requester": 1},
        {"decided_by": 1},
        {"approved_by": 1},
        {"is_staff": True},
        {"terms_digest": "0" * 64},
    ],
)
def test_a_field_that_nobody_may_set_is_refused(cast: Cast, extra: dict[str, Any]) -> None:
    """X-52"""
    answer = post(signed_in(cast.alice), "requests/", wanted(machine(), **extra))
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == set(extra)
    assert AccessRequest.objects.count() == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"minutes": 0}, "minutes"),
        ({"minutes": 100_001}, "minutes"),
        ({"minutes": "NaN"}, "minutes"),
        ({"minutes": 10_000}, "minutes"),
        ({"port": 70000}, "port"),
        ({"kind": "backdoor"}, "kind"),
        ({"machine_id": 2**70}, "machine_id"),
        ({"machine_id": 99999}, "machine"),
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 1001}, "reason"),
        ({"start": "yesterday"}, "start"),
        ({"start": "2020-01-01T00:00:00Z"}, "start"),
        ({"ticket": "a b"}, "ticket"),
    ],
)
def test_bad_input_is_named_by_its_field(cast: Cast, changes: dict[str, Any], field: str) -> None:
    """X-56"""
    answer = post(signed_in(cast.alice), "requests/", wanted(machine(), **changes))
    assert answer.status_code == 400
    assert field in answer.json()["errors"]


def test_refusals_have_their_own_status(cast: Cast) -> None:
    asked = ask(machine(), by=cast.alice)
    path = f"requests/{asked.reference}/approve/"
    body = {"terms_digest": asked.terms_digest}
    assert post(signed_in(cast.alice), path, body).status_code == 403
    assert post(signed_in(cast.dana), path, body).status_code == 403
    assert post(signed_in(cast.charlie), path, body).status_code == 404
    stale = {"terms_digest": "0" * 64}
    assert post(signed_in(cast.bob), path, stale).status_code == 409
    assert post(signed_in(cast.bob), path, body).status_code == 200
    assert post(signed_in(cast.bob), path, body).status_code == 409


def test_what_one_may_not_see_does_not_exist(cast: Cast) -> None:
    """X-48"""
    grant = approve(ask(machine(), by=cast.alice), by=cast.bob).grants.get()
    charlie = signed_in(cast.charlie)
    reference = grant.access_request.reference
    assert charlie.get(f"/api/v1/requests/{reference}/").status_code == 404
    assert charlie.get(f"/api/v1/grants/{grant.pk}/").status_code == 404
    assert post(charlie, f"grants/{grant.pk}/end/").status_code == 404
    assert charlie.get("/api/v1/requests/").json()["results"] == []
    assert charlie.get("/api/v1/ledger/").status_code == 404
    assert signed_in(cast.erin).get("/api/v1/ledger/").status_code == 200
    assert post(signed_in(cast.erin), f"grants/{grant.pk}/end/").status_code == 403


@pytest.mark.parametrize("reference", ["BA-1", "BA-0000001", "BA-000001x", "BA-999999999999999999"])
def test_a_reference_has_exactly_one_spelling(cast: Cast, reference: str) -> None:
    ask(machine(), by=cast.alice)
    answer = signed_in(cast.alice).get(f"/api/v1/requests/{reference}/")
    assert answer.status_code == 404


def test_a_page_of_another_site_cannot_decide(cast: Cast) -> None:
    """X-23"""
    asked = ask(machine(), by=cast.alice)
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.bob)
    answer = post(
        client, f"requests/{asked.reference}/approve/", {"terms_digest": asked.terms_digest}
    )
    assert answer.status_code == 403
    asked.refresh_from_db()
    assert asked.state == "pending"


def test_lists_cost_the_same_for_one_row_and_for_many(
    cast: Cast, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        approve(ask(machine(f"vm-{number:02}"), by=cast.alice), by=cast.bob)
    bob = signed_in(cast.bob)
    for path, most in (("machines", 8), ("requests", 8), ("grants", 6)):
        with django_assert_max_num_queries(most):
            assert len(bob.get(f"/api/v1/{path}/").json()["results"]) == 12


def test_pages_follow_each_other_without_gap_or_repetition(cast: Cast) -> None:
    for number in range(7):
        approve(ask(machine(f"vm-{number}"), by=cast.alice), by=cast.bob)
    seen, page = [], "/api/v1/grants/?page_size=3"
    while page:
        answer = signed_in(cast.erin).get(page).json()
        seen += [row["id"] for row in answer["results"]]
        page = answer["next"]
    assert seen == sorted(Grant.objects.values_list("pk", flat=True), reverse=True)


def test_the_committed_schema_is_the_one_that_the_code_gives(tmp_path: Path) -> None:
    fresh = tmp_path / "openapi.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(fresh))
    assert fresh.read_text() == (ROOT / "docs" / "openapi.yaml").read_text(), "run: make schema"
