"""Programs that call the API with a token of Entra's own: they read and ask, and decide nothing.

A token is accepted of a program that signed in as itself (``idtyp`` is ``app``, an optional claim
that the manifest asks for) and holds an app role here. A token that a program has for a person is
refused: a person's program uses a personal token, which shows in their settings and can be revoked.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from access import ledger
from access.models import Person, Role, Scope
from portal.directory.roles import replace_roles
from portal.signin.entra.arriving import app_roles, text_of
from portal.signin.entra.config import configured, entra
from portal.signin.entra.problems import Refused, Unreachable
from portal.signin.entra.seldom import Seldom
from portal.signin.entra.tokens import Claims, application_token

SCHEME = "bearer"
PART = "entra"
LONGEST_NAME = 200
REFUSALS = Seldom(60)  # one program's are told to the ledger once a minute
GIVES = {
    Role.ENGINEER.value: frozenset({Scope.READ.value, Scope.REQUEST.value}),
    Role.AUDITOR.value: frozenset({Scope.READ.value}),
}
WORDS = {
    "no-role": "This program holds no app role here. Engineer and Auditor count for programs.",
    "not-a-program": "This is a token for a person. Programs of a person use a personal token.",
    "switched-off": "This program is switched off here.",
}
UNREADABLE = "This token is not accepted."


class DirectoryAway(APIException):
    status_code = 503
    default_code = "directory-away"


@dataclass(frozen=True)
class ProgramKey:
    """See ``access.api.tokens.Key``. Holds nothing of the token."""

    name: str
    scopes: frozenset[str]


class EntraToken(BaseAuthentication):
    """``Authorization: Bearer eyJ…``; after personal tokens, which begin otherwise."""

    def authenticate(self, request: Request) -> tuple[Person, ProgramKey] | None:
        scheme, _, raw = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != SCHEME or not configured():
            return None
        try:
            claims = application_token(raw.strip(), entra())
        except Refused:
            raise AuthenticationFailed(UNREADABLE) from None
        except Unreachable as problem:
            raise DirectoryAway(str(problem)) from None
        try:
            person = _program_of(claims)
        except Refused as refusal:
            _record(refusal)
            raise PermissionDenied(WORDS[refusal.code], refusal.code) from None
        timezone.activate(person.tz)
        return person, ProgramKey(person.display_name, _scopes_of(person))

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        return "Bearer"


def _program_of(claims: Claims) -> Person:
    """Its roles are the token's, unless the directory said something since it was made."""
    identity = {"tenant_id": str(claims["tid"]).lower(), "object_id": str(claims["oid"]).lower()}
    who = f"{identity['tenant_id']}/{identity['object_id']}"
    if claims.get("idtyp") != "app" or "scp" in claims:
        raise Refused("not-a-program", who=who)
    roles, made_at = app_roles(claims) & set(GIVES), datetime.fromtimestamp(claims["iat"], UTC)
    person = Person.objects.filter(**identity).first()
    if person is None and roles:
        first = {"is_application": True, "display_name": _name_of(claims)}
        person, _ = Person.objects.get_or_create(**identity, defaults=first)  # two calls at once
    if person is None:
        raise Refused("no-role", who=who)
    if not person.is_application:
        raise Refused("not-a-program", who=who)
    if person.roles_read_at is None or person.roles_read_at < made_at:
        replace_roles(person, roles, how="token", asked_at=made_at)
    if not person.is_active:
        raise Refused("switched-off", who=who)
    if not _scopes_of(person):
        raise Refused("no-role", who=who)
    return person


def _scopes_of(person: Person) -> frozenset[str]:
    return frozenset().union(*(GIVES.get(role, frozenset()) for role in person.held_roles))


def _name_of(claims: Claims) -> str:
    said = (text_of(claims, name, LONGEST_NAME) for name in ("app_displayname", "azp", "oid"))
    return next(name for name in said if name)


def _record(refusal: Refused) -> None:
    """Only of programs of our own tenant, whose tokens are real: else anybody could fill it."""
    if not REFUSALS.may(f"{refusal.who} {refusal.code}"):
        return
    with transaction.atomic():
        data = {"reason": refusal.code}
        ledger.record("token.refused", by=PART, subject=refusal.who, outcome="denied", data=data)


class EntraTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "portal.signin.entra.bearer.EntraToken"
    name = "entraToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A token of Microsoft Entra for a program (client credentials). With "
            "the app role Auditor it reads, with Engineer it asks, too. It never decides anything.",
        }
