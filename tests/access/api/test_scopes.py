"""No endpoint is open to tokens by being forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from access.api.scopes import InScope, scope_of
from access.errors import NotAllowed
from access.models import Person, Role, Scope
from access.services import approve, deny
from access.services.deputies import name_deputy
from tests.access.api.calling import token_of
from tests.support.cast import Cast, ask, person
from tests.support.estate import machine

OPEN = {"api-device", "api-device-token"}
# Every action that no token may call; a new one is added here by whoever has thought of it.
OF_SESSIONS_ONLY = {"approve", "deny"}
REQUESTED = {
    "create", "preview", "change", "extend", "withdraw", "end", "disconnect", "destroy",
}  # fmt: skip
READ_THOUGH_UNSAFE = {"current"}  # a token may end itself


def endpoints(root: URLResolver | None = None, before: str = "") -> Iterator[URLPattern]:
    for found in (root or get_resolver()).url_patterns:
        path = before + str(found.pattern)
        if isinstance(found, URLResolver):
            yield from endpoints(found, path)
        elif path.startswith("api/"):
            yield found


ENDPOINTS = [each for each in endpoints() if each.name not in OPEN]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: str(each.name))
def test_the_rule_about_scopes_is_asked(endpoint: URLPattern) -> None:
    view: Any = endpoint.callback
    kind = getattr(view, "cls", None) or view.view_class
    assert any(issubclass(each, InScope) for each in kind.permission_classes)


def test_each_action_takes_the_scope_that_was_thought_of() -> None:
    found: dict[str, str | None] = {}
    for endpoint in ENDPOINTS:
        view: Any = endpoint.callback
        for method, action in getattr(view, "actions", {}).items():
            shown = view.cls(**view.initkwargs)
            shown.action, shown.action_map = action, view.actions
            if method not in ("get", "head"):  # DRF adds the latter when it is first called
                found[action] = scope_of(shown, method.upper())
            else:
                assert scope_of(shown, "GET") == Scope.READ
    assert {name for name, scope in found.items() if scope is None} == OF_SESSIONS_ONLY
    assert {name for name, scope in found.items() if scope == Scope.REQUEST} == REQUESTED
    assert {name for name, scope in found.items() if scope == Scope.READ} == READ_THOUGH_UNSAFE


def test_a_program_with_every_role_decides_nothing(cast: Cast) -> None:
    """X-02, for a program's own account, and whatever the directory gave it."""
    robot = person("Robot", *Role)
    Person.objects.filter(pk=robot.pk).update(is_application=True)
    robot.refresh_from_db()
    asked = ask(machine(), by=cast.alice)
    digest = asked.terms_digest
    with pytest.raises(NotAllowed):
        approve(asked, by=robot, terms_digest=digest)
    with pytest.raises(NotAllowed):
        deny(asked, by=robot, terms_digest=digest, comment="no")
    now = timezone.now()
    with pytest.raises(NotAllowed):
        name_deputy(cast.bob, starts_at=now, ends_at=now + timedelta(days=1), reason="", by=robot)
    asked.refresh_from_db()
    assert asked.state == "pending"


def test_a_token_that_reaches_a_service_decides_nothing(cast: Cast) -> None:
    """X-02, behind the views: who comes by a token has the power of the token."""
    token_of(cast.bob)
    asked = ask(machine(), by=cast.alice)
    cast.bob.scopes = frozenset(Scope.values)
    with pytest.raises(NotAllowed):
        approve(asked, by=cast.bob, terms_digest=asked.terms_digest)
