"""A directory with people in it, and the portal that reads it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db.models import QuerySet

from access.models import LedgerEntry, Person
from portal.directory import graph as asking
from tests.support.graph import TENANT, FakeGraph, fake_graph, oid


@pytest.fixture(scope="session")
def _graph() -> Iterator[FakeGraph]:
    with fake_graph() as graph:
        yield graph


@pytest.fixture
def graph(
    _graph: FakeGraph, settings: object, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeGraph]:
    """Empty, whole, and asked with little patience."""
    url = _graph.url
    _graph.__init__()  # type: ignore[misc]
    _graph.url = url
    _graph.point(settings, monkeypatch)
    quick = asking.Patience(connect=2, read=2, tries=2, wait=1, whole=30)
    monkeypatch.setattr(asking, "OF_WORKERS", quick)
    monkeypatch.setattr(asking.Graph.__init__, "__defaults__", (quick,))
    yield _graph
    from portal.azure import door

    door.forget_clients()


def person(name: str) -> Person:
    """As the database has them now."""
    return Person.objects.get(tenant_id=TENANT, object_id=oid(name))


def roles_of(name: str) -> set[str]:
    return set(person(name).roles.values_list("role", flat=True))


def lines(event: str, name: str = "") -> QuerySet[LedgerEntry]:
    found = LedgerEntry.objects.filter(event=event).order_by("seq")
    return found.filter(subject=f"{TENANT}/{oid(name)}") if name else found
