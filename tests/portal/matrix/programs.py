"""An application that comes with its own token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from access.models import Person, Scope
from portal.signin.entra.bearer import EntraToken

PROGRAM = "Bearer the-program"


@dataclass(frozen=True)
class ProgramKey:
    """What an application's own token comes to, once it was found to be genuine."""

    scopes: frozenset[str] = frozenset(Scope.values)
    name: str = "application"


@contextmanager
def programs_come() -> Iterator[None]:
    """Whether a token is genuine is tested elsewhere. Here it is, and all else is asked."""
    genuine = EntraToken.authenticate

    def authenticate(self: Any, request: Any) -> Any:
        if request.headers.get("Authorization") != PROGRAM:
            return genuine(self, request)
        return Person.objects.get(object_id="pipeline"), ProgramKey()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EntraToken, "authenticate", authenticate)
        yield
