"""Personal tokens as pages show them."""

from dataclasses import dataclass
from datetime import datetime

from access import policy
from access.models import ApiToken, Person, Scope
from access.presenters.statuses import Status
from access.services.tokens import live


@dataclass(frozen=True)
class TokenLine:
    token: ApiToken
    scopes: list[str]
    status: Status
    may_revoke: bool


def lines_for(person: Person, now: datetime) -> list[TokenLine]:
    """One's own that still sign in, the newest first."""
    return [line_of(token, person, now) for token in live(person, now)]


def line_of(token: ApiToken, viewer: Person, now: datetime) -> TokenLine:
    """Needs the person and who revoked it loaded, or asks for each."""
    usable = token.revoked_at is None and token.expires_at > now
    return TokenLine(
        token,
        [scope.label for scope in Scope if scope.value in token.scopes],
        _status(token, usable=usable),
        usable and policy.may_revoke_token(token, viewer),
    )


def _status(token: ApiToken, *, usable: bool) -> Status:
    if usable:
        return Status("green", "circle-check", "Valid")
    if token.revoked_at is not None:
        return Status("grey", "ban", "Revoked")
    return Status("grey", "clock", "Expired")
