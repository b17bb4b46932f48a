"""Each address of the URLconf, and which object of the world it names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.portal.matrix.world import World

Sent = dict[str, Any]
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
WRITES = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Address:
    """``route``: as in the URLconf, without patterns: ``/requests/<pk>/approve/``."""

    name: str
    route: str
    wanted: tuple[str, ...]

    def path(self, world: World) -> str:
        found = OBJECTS[self.name](world) if self.wanted else {}
        at = reverse(self.name, kwargs=found)
        return f"{at}?{QUERIES[self.name](world)}" if self.name in QUERIES else at


def addresses() -> list[Address]:
    found = {(each.route, each.name): each for each in _walk(get_resolver(), "/")}
    return [found[key] for key in sorted(found)]


def _walk(resolver: URLResolver, before: str) -> Iterator[Address]:
    for each in resolver.url_patterns:
        route = before + _plain(str(each.pattern))
        if isinstance(each, URLResolver):
            yield from _walk(each, route)
        elif isinstance(each, URLPattern):
            regex = getattr(each.pattern, "regex", None)
            wanted = list(each.pattern.converters) or list(regex.groupindex if regex else ())
            yield Address(str(each.name), route, tuple(wanted))


def _plain(pattern: str) -> str:
    pattern = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", r"<\1>", pattern)
    pattern = re.sub(r"<\w+:(\w+)>", r"<\1>", pattern)
    return pattern.strip("^$").replace("\\Z", "")


def missing() -> list[str]:
    """What has to be said here before an address can be asked."""
    return sorted(
        f"{each.name}: say in OBJECTS which object {each.route} names"
        for each in addresses()
        if each.wanted and each.name not in OBJECTS
    )


Named = Callable[[World], Sent]


def _pk(what: str) -> Named:
    return lambda world: {"pk": getattr(world, what).pk}


def _waiting(world: World) -> Sent:
    return {"pk": world.waiting.reference}


def _open(world: World) -> Sent:
    return {"pk": world.open.access_request.reference}


def _reference(world: World) -> Sent:
    return {"reference": world.waiting.reference}


def _proposed(world: World) -> Sent:
    return {"number": world.proposed.number}


OBJECTS: dict[str, Named] = {
    **dict.fromkeys(
        (
            "request", "request-live", "request-approve", "request-deny", "request-withdraw",
            "request-confirm", "request-change", "request-comment", "request-ask-back",
            "request-answer",
        ),
        _waiting,
    ),
    "request-extend": _open,
    "request-calendar": _open,
    "grant-end": _pk("open"),
    "grant-script": lambda world: {"pk": world.open.pk, "language": "bash"},
    "review": lambda world: {"pk": world.glass.reference},
    "session-disconnect": _pk("session"),
    "drift-remove": _pk("finding"),
    "restoration": _pk("restoration"),
    **dict.fromkeys(
        (
            "policy-version", "policy-difference", "policy-export", "policy-put-in-force",
            "policy-reject", "policy-withdraw", "api-policy-detail",
        ),
        _proposed,
    ),
    "notice": _pk("notice"),
    "notice-retry": _pk("notice"),
    **dict.fromkeys(
        (
            "endpoint", "endpoint-switch", "endpoint-test", "endpoint-secret",
            "endpoint-secret-drop",
        ),
        _pk("endpoint"),
    ),
    **dict.fromkeys(("lockdown-one", "lockdown-confirm", "lockdown-lift"), _pk("lockdown")),
    "deputy-end": _pk("deputy"),
    "outside-edit": _pk("outside"),
    "outside-retire": _pk("outside"),
    "jit-policy": _pk("bare"),
    "api-machine-detail": _pk("machine"),
    **dict.fromkeys(
        (
            "api-request-detail", "api-request-approve", "api-request-deny", "api-request-change",
            "api-request-withdraw", "api-comment-list",
        ),
        _reference,
    ),
    "api-request-extend": lambda world: {"reference": world.open.access_request.reference},
    "api-grant-detail": _pk("open"),
    "api-grant-end": _pk("open"),
    "api-grant-connect": _pk("open"),
    "api-session-detail": _pk("session"),
    "api-session-disconnect": _pk("session"),
    "api-token-detail": _pk("token"),
    "token-revoke": _pk("token"),
    **dict.fromkeys(("visit", "visit-send"), lambda world: {"token": world.guests.token}),
    **dict.fromkeys(
        (
            "vendor", "vendor-edit", "vendor-check", "vendor-block", "vendor-unblock",
            "api-vendor-detail",
        ),
        lambda world: {"pk": world.guests.contact.pk},
    ),
    **dict.fromkeys(
        ("invitation-send", "wish-answer"), lambda world: {"pk": world.guests.asked}
    ),
    "rotation-done": lambda world: {"pk": world.guests.rotation.pk},
    "browser-end": lambda world: {"handle": world.browser},
    "person-browsers": _pk("alice"),
}  # fmt: skip

QUERIES: dict[str, Callable[[World], str]] = {
    "request-new": lambda world: f"machine={world.machine.pk}",
    "vendor-invite": lambda world: f"machine={world.machine.pk}",
    "request-preflight": lambda world: f"machine={world.machine.pk}&way=window:22",
    "break-glass": lambda world: f"machine={world.machine.pk}",
    "policy-difference": lambda _world: "with=1",
    "approvals-deny": lambda world: f"request={world.waiting.reference}",
    "device": lambda world: f"code={world.code}",
}
