"""X-48: whoever changes an id in an address to that of somebody else's thing finds nothing there;
and no page, list, fragment or file of theirs has a word of it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

import pytest

from access.models import AccessRequest, LedgerEntry
from access.services import comments
from tests.portal.matrix.addresses import WRITES, Address, addresses
from tests.portal.matrix.rules import HERS
from tests.portal.matrix.sent import BODIES
from tests.portal.matrix.walk import ask, quiet, undone
from tests.portal.matrix.world import Visitor, World, visitors

SECRET = "only alice and her approvers know of xyzzy"
FRAGMENT = {"HX-Request": "true", "HX-Target": "request-live"}
KINDS = {
    "pages": "/requests/<pk>/",
    "grants": "/grants/<pk>/end/",
    "scripts": "/grants/<pk>/script/<language>/",
    "calendars": "/requests/<pk>/calendar.ics",
    "comments": "/api/v1/requests/<reference>/comments/",
    "fragments": "/requests/<pk>/live/",
    "the API": "/api/v1/grants/<pk>/connect/",
}
STRANGERS = ("engineer", "no role")


@pytest.fixture
def world(db: None) -> Iterator[World]:
    with undone(), quiet():
        made = World.made()
        AccessRequest.objects.filter(requester=made.alice).update(
            reason=SECRET, ticket="XYZZY-1", vendor_name="Xyzzy", comment=SECRET
        )
        comments.comment(made.waiting, SECRET, by=made.alice, key=uuid.uuid4())
        yield made


@pytest.fixture
def came(world: World) -> dict[str, Visitor]:
    return {visitor.name: visitor for visitor in visitors(world)}


def hers() -> list[Address]:
    return [each for each in addresses() if any(mark in each.route for mark in HERS)]


def test_every_kind_of_address_is_among_them():
    """So that nobody renames an address out of this test."""
    routes = {each.route for each in hers()}
    assert {each for each in KINDS.values() if each not in routes} == set()


@pytest.mark.parametrize("who", STRANGERS)
def test_an_id_that_is_not_theirs_names_nothing(
    who: str, world: World, came: dict[str, Visitor]
) -> None:
    """X-48. Looking and sending, as a page and as a fragment: 404, as for what never was."""
    found = []
    for address in hers():
        path = address.path(world)
        for headers in ({}, FRAGMENT):
            status = came[who].arrives().get(path, headers=headers).status_code
            found += [(address.route, "GET", status)]
        for method in WRITES:
            sent = BODIES.get((address.name, method), _nothing)(world)
            found += [(address.route, method, ask(came[who], method, path, sent).status_code)]
    assert {status for _, _, status in found} <= {404, 405}, found


@pytest.mark.parametrize("who", STRANGERS)
def test_no_answer_that_they_get_has_a_word_of_hers(
    who: str, world: World, came: dict[str, Visitor]
) -> None:
    """X-48. Lists, counts, feeds and exports, too: every address that can be looked at."""
    told, asked = [], 0
    for address in addresses():
        for headers in ({}, FRAGMENT):
            with undone():
                answer = came[who].arrives().get(address.path(world), headers=headers)
            asked += answer.status_code == 200
            if says(answer, SECRET) or says(answer, "xyzzy"):
                told.append(address.route)
    assert told == []
    assert asked > 20


def test_she_herself_and_who_oversees_are_told(world: World, came: dict[str, Visitor]) -> None:
    """Else the test above would find nothing wherever it looked."""
    path = f"/requests/{world.waiting.reference}/"
    for who in ("requester", "approver", "auditor"):
        assert says(came[who].arrives().get(path), SECRET), who


def test_what_is_not_there_and_what_is_not_theirs_look_alike(
    world: World, came: dict[str, Visitor]
) -> None:
    """X-48. The same words: nobody counts the requests of others by asking for each number."""
    alan = came["engineer"].arrives()
    for path in ("/requests/{}/", "/api/v1/requests/{}/"):
        theirs = alan.get(path.format(world.waiting.reference))
        nobodys = alan.get(path.format("BA-099999"))
        assert (theirs.status_code, nobodys.status_code) == (404, 404)
        assert plain(theirs, world.waiting.reference) == plain(nobodys, "BA-099999")


def test_looking_for_what_is_not_theirs_leaves_no_trace_on_it(
    world: World, came: dict[str, Visitor]
) -> None:
    before = LedgerEntry.objects.filter(outcome="success").count()
    for address in hers():
        sent = BODIES.get((address.name, "POST"), _nothing)(world)
        ask(came["engineer"], "POST", address.path(world), sent)
    assert LedgerEntry.objects.filter(outcome="success").count() == before


def _nothing(_world: World) -> dict[str, object]:
    return {}


def body(answer: object) -> str:
    if getattr(answer, "streaming", False):
        return b"".join(answer.streaming_content).decode()
    return answer.content.decode()


def says(answer: object, words: str) -> bool:
    return words.casefold() in body(answer).casefold()


def plain(answer: object, reference: str) -> str:
    """Without what differs between any two answers."""
    text = body(answer).replace(reference, "BA-…")
    return re.sub(
        r'nonce="[^"]*"|value="[^"]{64}"|datetime="[^"]*"|data-\w+="[0-9-]+[T ][^"]*"', "", text
    )
