"""Asks Entra which roles the person of a session holds now, and writes it down.

Never in a transaction: Entra is asked first, for seconds at most, and then the answer is written.
"""

from datetime import timedelta

from django.contrib.sessions.backends.base import SessionBase

from access.clock import db_now
from access.models import Person
from portal.signin.ending import end_all
from portal.signin.entra import flow
from portal.signin.entra.arriving import Arrival, arrival_of, welcome
from portal.signin.entra.config import configured, entra
from portal.signin.entra.keeping import refresh_token_of
from portal.signin.entra.problems import Refused, SignInAgain, Unbelievable

PART = "entra"
CHANGED = "Your account or your roles changed, so you were signed out everywhere."
CLEAR = frozenset({"no-role", "switched-off", "not-a-person", "somebody-else", "wrong-tenant"})


def reread(session: SessionBase, person: Person) -> None:
    """Raises ``SignInAgain`` when Entra no longer stands behind the session, or a role was lost:
    all sessions of the person are over then. Raises ``Unreachable`` when nothing is known, and
    changes nothing. Otherwise the person's roles are what Entra says. May be repeated."""
    kept = refresh_token_of(session)
    if not kept or not configured():
        raise SignInAgain(flow.AGAIN)  # this browser alone: its token is lost, not the person
    held, asked_at, ours = person.held_roles, db_now(), entra()
    try:
        given = flow.ask_again(kept, ours)
        arrival = arrival_of(given, ours)
        _check_same(arrival, person)
        welcome(arrival, how="reread", asked_at=asked_at)
    except SignInAgain as said:
        end_all(person, by=PART, why=str(said))
        raise
    except Refused as refusal:
        raise _ended(person, refusal.code) from None
    if not held <= arrival.roles:
        raise SignInAgain(CHANGED)  # the sessions ended with the roles


def _check_same(arrival: Arrival, person: Person) -> None:
    if arrival.identity != person.identity:
        raise Refused("somebody-else")


def _ended(person: Person, code: str) -> Exception:
    """What cannot be read says nothing of the person; what can be read is an answer."""
    if code not in CLEAR:
        return Unbelievable("Microsoft Entra gave an answer that cannot be believed.")
    end_all(person, by=PART, why=f"Entra was asked again: {code}")
    return SignInAgain(CHANGED)


def is_older(person: Person, seconds: float) -> bool:
    """Whether what the directory last said of the person's roles is older than that."""
    read = person.roles_read_at
    return read is None or read < db_now() - timedelta(seconds=seconds)
