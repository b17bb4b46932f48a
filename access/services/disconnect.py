"""Having a live session ended while its grant goes on, or where it has none."""

from access import ledger, policy
from access.clock import db_now
from access.errors import Invalid, WrongState
from access.models import DisconnectOrder, LiveSession, Person
from access.services.refusals import one_transaction
from access.services.submit import REASON_LIMIT, clean_text
from access.sessions.covering import covering
from access.sessions.lines import facts, subject


def disconnect(session: LiveSession, *, by: Person, reason: str) -> LiveSession:
    """Order it. Safe to repeat: two people at once make one order. Workers carry it out.

    Raises ``NotAllowed``, ``Invalid``, or ``WrongState`` when the session has ended.
    """
    reason = _checked(reason)
    with one_transaction("session.disconnect", by=by):
        locked = LiveSession.objects.select_for_update(no_key=True).get(pk=session.pk)
        policy.check_may_disconnect(covering([locked])[locked.pk], by)
        if locked.ended_at is not None:
            raise WrongState("This session has already ended.")
        _, new = DisconnectOrder.objects.get_or_create(
            session=locked, defaults={"by": by, "at": db_now(), "reason": reason}
        )
        if new:
            ledger.record(
                "session.disconnect_ordered",
                by=by,
                subject=subject(locked),
                data=facts(locked) | {"reason": reason},
            )
    return locked


def _checked(reason: str) -> str:
    reason = clean_text(reason)
    if not reason:
        raise Invalid({"reason": "Say why. Whoever is disconnected will want to know."})
    if len(reason) > REASON_LIMIT:
        raise Invalid({"reason": f"Keep the reason under {REASON_LIMIT} characters."})
    return reason
