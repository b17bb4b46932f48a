"""What a browser's session keeps of Entra: sealed, so that a copy of the database is no key."""

import json
from collections.abc import Mapping

from django.contrib.sessions.backends.base import SessionBase

from access.sealed import Unreadable, seal, unseal
from portal.signin.entra.flow import Given

KEPT = "entra"  # in the session


def keep(session: SessionBase, given: Given) -> None:
    """The refresh token, and the name to offer at the next sign-in. Entra's old refresh tokens
    stay good while a session lasts, so the one of the sign-in serves until its end: nothing is
    written when it is used, and two requests at once cannot undo each other."""
    hint = given.claims.get("preferred_username")
    kept = {"refresh": given.refresh_token, "hint": hint if isinstance(hint, str) else ""}
    session[KEPT] = seal(json.dumps(kept))


def is_entras(session: SessionBase) -> bool:
    """Whether Entra signed this browser's person in."""
    return KEPT in session


def refresh_token_of(session: SessionBase) -> str:
    """Empty where it cannot be read any more: then the person signs in again."""
    return _kept(session).get("refresh", "")


def hint_of(session: SessionBase) -> str:
    return _kept(session).get("hint", "")


def _kept(session: SessionBase) -> Mapping[str, str]:
    try:
        kept: Mapping[str, str] = json.loads(unseal(str(session.get(KEPT, ""))))
    except (Unreadable, ValueError):
        return {}
    return kept
