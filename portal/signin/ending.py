"""Sessions of browsers end before their time: one, or all of a person.

What is ended stays ended, whatever a request that is under way saves afterwards. A request that
ends the session it runs in must also call ``django.contrib.auth.logout``.
"""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from access import ledger, policy
from access.clock import db_now
from access.errors import Invalid
from access.models import Person
from access.notices import tell
from access.services import devices as programs
from access.services import tokens
from access.services.refusals import one_transaction
from access.services.submission import clean_text
from access.services.submit import REASON_LIMIT
from portal.models import BrowserSession, Ended
from portal.signin import devices
from portal.signin.sessions import hold


def end_all(person: Person, *, by: Person | str, why: str, but: str = "") -> int:
    """How many ended. ``by`` is a person, or the name of a part of the system; ``why`` is for the
    ledger; ``but`` is the ``session_key`` of a row that stays. Where none is left to end, nothing
    is recorded, so it may be repeated."""
    with transaction.atomic():
        hold(person.pk)
        ended = _end(_alive(person, but), person, by)
        if not ended:
            return 0
        data = {"sessions": ended, "why": why[:REASON_LIMIT], **_whose(person)}
        ledger.record("session.ended", by=by, data=data)
    return ended


def end_one(session: BrowserSession, *, by: Person | str, why: str) -> bool:
    """False when it was over already. Raises ``ValueError`` for one in which nobody signed in."""
    person = session.person
    if person is None:
        raise ValueError("nobody is signed in there")
    with transaction.atomic():
        rows = BrowserSession.objects.filter(pk=session.pk, ended_at__isnull=True)
        if not _end(rows, person, by):
            return False
        where = {"device": devices.words_of(session.agent), "address": session.address}
        data = {"sessions": 1, "why": why[:REASON_LIMIT], **where, **_whose(person)}
        ledger.record("session.ended", by=by, data=data)
    return True


def sign_out_everywhere(person: Person, *, by: Person, reason: str) -> int:
    """An administrator's order, in an emergency: who may have taken a session is out at once, with
    what could have been made in it, personal tokens and programs that were allowed; and the person
    is told. How many sessions ended. Raises ``NotAllowed``, or ``Invalid`` without a reason."""
    with one_transaction("session.end", by=by):
        policy.check_may_end_sessions(person, by)
        why = clean_text(reason)
        if not why:
            raise Invalid({"reason": "Say why. Whoever is signed out will want to know."})
        programs.take_back(person)
        hold(person.pk)  # a token that is being made now is one of those
        held = tokens.locked_live(person)
        ended = end_all(person, by=by, why=why)
        tokens.revoke_locked(held, person, by=by)
        if ended or held:
            key = f"{person.pk}-{db_now().isoformat()}"
            tell("session.ended", key=key, to=[person], by=by, data={"why": why})
    return ended


def _alive(person: Person, but: str) -> QuerySet[BrowserSession]:
    """Locked, in one order, for two may do this at once."""
    rows = BrowserSession.objects.filter(person=person, ended_at__isnull=True).exclude(pk=but)
    keys = list(rows.order_by("pk").select_for_update().values_list("pk", flat=True))
    return BrowserSession.objects.filter(pk__in=keys)


def _end(rows: QuerySet[BrowserSession], person: Person, by: Person | str) -> int:
    """The data goes at once, and with it whatever of Entra's was kept in it."""
    return rows.update(ended_at=db_now(), ended_by=_kind(person, by), session_data="")


def _kind(person: Person, by: Person | str) -> Ended:
    if not isinstance(by, Person):
        return Ended.SYSTEM
    return Ended.PERSON if by.pk == person.pk else Ended.ADMIN


def _whose(person: Person) -> dict[str, Any]:
    return {"person": person.identity, "name": person.display_name}
