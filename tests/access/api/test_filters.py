"""Lists that are narrowed by known filters, and by no others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.access.api.calling import in_session, token_of
from tests.support.cast import Cast, approved, ask
from tests.support.estate import machine


def references(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["reference"] for row in answer.json()["results"]]


def test_requests(cast: Cast) -> None:
    one, two = machine("vm-app-01"), machine("vm-app-02")
    first = ask(one, by=cast.alice)
    second = approved(two, by=cast.alice, approver=cast.bob).access_request
    third = ask(two, by=cast.alan)
    bob, alice = in_session(cast.bob), in_session(cast.alice)
    path = "requests/"
    assert references(bob.get(path, state="pending")) == [third.reference, first.reference]
    assert len(references(bob.get(path, state__in="pending,approved"))) == 3
    assert references(bob.get(path, mine="true")) == []
    assert references(alice.get(path, mine="true")) == [second.reference, first.reference]
    assert references(bob.get(path, waiting="true")) == [third.reference, first.reference]
    assert references(bob.get(path, waiting="false")) == [second.reference]
    assert references(bob.get(path, machine=two.pk)) == [third.reference, second.reference]
    soon = (timezone.now() + timedelta(minutes=1)).isoformat()
    assert references(bob.get(path, created_at__gte=soon)) == []
    assert len(references(bob.get(path, created_at__lt=soon))) == 3


def test_grants_and_machines(cast: Cast) -> None:
    one = machine("vm-app-01")
    machine("vm-db-02", owner="ledgers")
    grant = approved(one, by=cast.alice, approver=cast.bob)
    bob = in_session(cast.bob)
    assert len(bob.get("grants/", state="scheduled").json()["results"]) == 1
    assert bob.get("grants/", mine="true").json()["results"] == []
    reference = grant.access_request.reference
    assert references(bob.get("grants/", reference=reference.lower())) == [reference]
    assert bob.get("grants/", reference="BA-x").json()["results"] == []
    found = bob.get("machines/", q="db ledg").json()["results"]
    assert [row["name"] for row in found] == ["vm-db-02"]


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("requests/", {"stat": "pending"}, "stat"),
        ("requests/", {"state": "open"}, "state"),
        ("requests/", {"state__in": "pending,open"}, "state__in"),
        ("requests/", {"created_at__gte": "yesterday"}, "created_at__gte"),
        ("requests/", {"created_at__gte": "0001-01-01T00:00:00Z"}, "created_at__gte"),
        ("requests/", {"machine": "9" * 30}, "machine"),
        ("requests/", {"machine": "NaN"}, "machine"),
        ("requests/", {"requester__tenant_id": "x"}, "requester__tenant_id"),
        ("grants/", {"access_request__requester": "1"}, "access_request__requester"),
        ("machines/", {"name__regex": "(a+)+"}, "name__regex"),
        ("machines/", {"name": "\x00"}, "name"),
        ("machines/", {"ordering": "vm_id"}, "ordering"),
        ("tokens/", {"digest": "x"}, "digest"),
        ("exports/requests.csv", {"page_size": "5"}, "page_size"),
    ],
)
def test_what_is_no_filter_is_refused(
    cast: Cast, path: str, query: dict[str, str], field: str
) -> None:
    """A typing mistake must not show, or export, more than was meant."""
    answer = in_session(cast.bob).get(path, **query)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert field in answer.json()["errors"]


def test_what_waits_for_a_person_is_shown_to_their_token(cast: Cast) -> None:
    """It decides nothing all the same: see ``test_attacked``."""
    asked = ask(machine(), by=cast.alice)
    caller, _ = token_of(cast.bob)
    assert asked.reference in references(caller.get("requests/"))
