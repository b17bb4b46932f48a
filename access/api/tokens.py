"""Who calls with a personal token: ``Authorization: Bearer bax_…``."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, cast

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from access.models import ApiToken, Person
from access.origin import address_of
from access.services.tokens import MARK, TokenRefused, authenticate

SCHEME = "bearer"


class Key(Protocol):
    """``request.auth`` of whoever calls without a browser session; with one it is ``None``."""

    @property
    def scopes(self) -> frozenset[str]: ...

    @property
    def name(self) -> str: ...


def key_of(request: Request) -> Key | None:
    """What the caller signed in with; ``None`` in a browser session."""
    found: Any = request.auth
    return None if found is None else cast("Key", found)


@dataclass(frozen=True)
class TokenKey:
    """A personal token that was recognised. Holds nothing of its secret."""

    token: ApiToken

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset(self.token.scopes)

    @property
    def name(self) -> str:
        return self.token.name

    @property
    def prefix(self) -> str:
        return self.token.prefix

    @property
    def expires_at(self) -> datetime:
        return self.token.expires_at


class PersonalToken(BaseAuthentication):
    """Another kind of bearer token is left to the classes after this one."""

    def authenticate(self, request: Request) -> tuple[Person, TokenKey] | None:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != SCHEME or not secret.strip().startswith(f"{MARK}_"):
            return None
        try:
            person, token = authenticate(secret.strip(), address_of(request))
        except TokenRefused as refusal:
            raise AuthenticationFailed(str(refusal)) from refusal
        timezone.activate(person.tz)  # taken back by the middleware, as for who has a session
        return person, TokenKey(token)

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        return "Bearer"
