"""Asking: each address by each method as each visitor, every time of the same world."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.http import HttpResponse

from access.models import LedgerEntry
from tests.portal.matrix.addresses import METHODS, Address
from tests.portal.matrix.sent import BEFORE, BODIES
from tests.portal.matrix.world import Visitor, World
from tests.support.cast import be_seen

Cells = dict[tuple[str, str], dict[str, str]]  # by (route, method), then by the visitor's name
DONE, REFUSED = "+", "!"


def walk(world: World, came: list[Visitor], known: list[Address]) -> Cells:
    return {
        (address.route, method): _row(world, came, address, method)
        for address in known
        for method in METHODS
    }


def _row(world: World, came: list[Visitor], address: Address, method: str) -> dict[str, str]:
    """Whatever was done is undone before the next one comes."""
    path = address.path(world)
    with undone():
        be_seen()  # walking takes longer than workers may be silent
        if address.name in BEFORE:
            BEFORE[address.name](world)
        found = {}
        for visitor in came:
            sent = BODIES.get((address.name, method), lambda _world: {})(world)
            with undone():
                found[visitor.name] = _cell(visitor, method, path, sent)
    return found


@contextmanager
def undone() -> Iterator[None]:
    """Services say that nothing may be around their transactions; here something is."""
    around = transaction.atomic()
    around._from_testcase = True
    cache.clear()  # counts of tries are no part of a transaction
    with around:
        yield
        transaction.set_rollback(True)


@contextmanager
def quiet() -> Iterator[None]:
    """Thousands of refusals are no news here."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _cell(visitor: Visitor, method: str, path: str, sent: dict[str, Any]) -> str:
    before = LedgerEntry.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    answer = ask(visitor, method, path, sent)
    outcomes = set(LedgerEntry.objects.filter(seq__gt=before).values_list("outcome", flat=True))
    mark = DONE if "success" in outcomes else REFUSED if "denied" in outcomes else ""
    return _status(answer) + mark


def ask(visitor: Visitor, method: str, path: str, sent: dict[str, Any]) -> HttpResponse:
    ask = getattr(visitor.arrives(), method.lower())
    if method not in ("POST", "PUT", "PATCH", "DELETE"):
        answer = ask(path, headers=visitor.headers)
    elif path.startswith("/api/"):
        body = json.dumps(sent, default=str)
        answer = ask(path, body, content_type="application/json", headers=visitor.headers)
    elif method == "POST":
        answer = ask(path, sent, headers=visitor.headers)
    else:
        answer = ask(path, headers=visitor.headers)
    if answer.streaming:
        b"".join(answer.streaming_content)
    return answer


def _status(answer: HttpResponse) -> str:
    """``in``: led to the sign-in. ``302``: somewhere else, as after something was done."""
    to = answer.headers.get("Location", "")
    if answer.status_code != 302:
        return str(answer.status_code)
    return "in" if to.startswith("/sign-in/") and not to.startswith("/sign-in/again") else "302"
