"""Who could decide what waits, reckoned every few seconds for all of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from access import waiting
from access.clock import db_now
from access.models import AccessRequest, LedgerEntry, Person
from access.services.deputies import name_deputy
from tests.support.cast import Cast, approve, ask
from tests.support.estate import machine
from tests.support.ruling import TWO_STAGES, put_in_force

pytestmark = pytest.mark.django_db


def queries_of_reckoning() -> list[str]:
    waiting.reckon_all()  # what is read once per process is read, and what changed is written
    with CaptureQueriesContext(connection) as seen:
        waiting.reckon_all()
    return [query["sql"] for query in seen.captured_queries]


def wait_for_an_answer(cast: Cast, number: int) -> AccessRequest:
    """Each third approved once, each other one of a vendor of their own."""
    vendor = {"kind": "link", "vendor_mail": f"technician-{number}@vendor.test"}
    asked = ask(machine(f"vm-{number}"), by=cast.alice, **(vendor if number % 2 else {}))
    return approve(asked, by=cast.bob) if number % 3 == 0 else asked


def test_it_costs_the_same_for_one_request_and_for_many(
    cast: Cast, carol: Person, sven: Person
) -> None:
    """Six queries for each, every 20 s, cost more than all else while nothing was to be done."""
    put_in_force(TWO_STAGES)
    name_deputy(carol, db_now(), db_now() + timedelta(hours=8), by=cast.bob)
    wait_for_an_answer(cast, 3)
    one = queries_of_reckoning()
    for number in range(4, 23):
        wait_for_an_answer(cast, number)
    assert waiting.reckon_all() == 20
    assert len(queries_of_reckoning()) == len(one)
    assert all(sql.startswith("SELECT") and "FOR UPDATE" not in sql for sql in one)


def test_of_many_only_what_changed_is_written_and_told(
    cast: Cast, carol: Person, sven: Person
) -> None:
    put_in_force(TWO_STAGES)
    first, second = (ask(machine(name), by=cast.alice) for name in ("vm-1", "vm-2"))
    approve(second, by=carol)
    for each in (cast.bob, carol):
        Person.objects.filter(pk=each.pk).update(is_active=False)
    waiting.reckon_all()
    assert (first.deciders.count(), second.deciders.get().person) == (0, sven)
    assert blocked() == [first.reference]
    waiting.reckon_all()
    assert blocked() == [first.reference]  # told once


def test_who_becomes_the_vendor_is_asked_no_longer(cast: Cast, carol: Person, sven: Person) -> None:
    """Carol's address is known from the next sign-in only; in whatever letters it was asked for."""
    mail = "Carol@Vendor.test"
    asked = ask(machine(), by=cast.alice, kind="link", vendor_mail=mail)
    other = ask(machine("vm-2"), by=cast.alice, kind="link")
    AccessRequest.objects.filter(pk=other.pk).update(vendor_mail="süd@vendor.test")
    Person.objects.filter(pk=carol.pk).update(mail="carol@vendor.TEST")
    Person.objects.filter(pk=sven.pk).update(mail="süd@vendor.test")
    waiting.reckon_all()
    assert {row.person for row in asked.deciders.all()} == {cast.bob, sven}
    assert {row.person for row in other.deciders.all()} == {cast.bob, carol}


def blocked() -> list[str]:
    lines = LedgerEntry.objects.filter(event="request.blocked").order_by("seq")
    return list(lines.values_list("reference", flat=True))
