"""What follows when a request has all the approvals that it needs: readable top to bottom."""

from datetime import datetime

from django.db import transaction

from access import ledger, notices, tasks
from access.engine.extend import lengthen
from access.errors import WrongState
from access.gatekeeping import refusal_of_more
from access.kinds import kind_named
from access.models import AccessRequest, ApprovedHow, Grant, Person
from access.services.granting import check_free, grants_for, record_grants
from access.states import WANTING, RequestState, move_request

BY_POLICY = "policy"


def complete(locked: AccessRequest, now: datetime, *, by: Person, comment: str) -> None:
    """The last approval was given. A request that was approved before, and held since, has its
    grants already; one for more time lengthens its parent's."""
    if locked.hold:
        _release(locked, now, by=by, comment=comment)
        return
    gates = _carry_out(locked, now, how=ApprovedHow.PEOPLE, by=by, comment=comment)
    tell_requester(locked, "request.approved", by=by, comment=comment)
    transaction.on_commit(lambda: tasks.wake(gates))


def complete_by_rule(locked: AccessRequest, now: datetime) -> None:
    """No people, by the policy's own word; never for production, which the policy sees to."""
    gates = _carry_out(locked, now, how=ApprovedHow.RULE, by=None, comment="")
    event, key = "request.approved_by_rule", f"{locked.reference}.{locked.revision}.rule"
    later = [locked.requester] if locked.asked_start else []  # who gets it now is told it is open
    notices.tell(event, key=key, to=later, about=locked)
    transaction.on_commit(lambda: tasks.wake(gates))


def record(
    locked: AccessRequest, event: str, *, by: Person, comment: str = "", **more: object
) -> None:
    known = {"terms_digest": locked.terms_digest, "revision": locked.revision, "comment": comment}
    ledger.record(event, by=by, reference=locked.reference, data={**known, **more})


def tell_requester(locked: AccessRequest, event: str, *, by: Person, comment: str = "") -> None:
    key = f"{locked.reference}.{locked.revision}.{event}"
    data = {"by": by.display_name, "comment": comment}
    notices.tell(event, key=key, to=[locked.requester], about=locked, data=data)


def _carry_out(
    locked: AccessRequest, now: datetime, *, how: ApprovedHow, by: Person | None, comment: str
) -> list[int]:
    """Returns the gates to wake. Locks machines and gates first, the ledger's head last."""
    gates = _lengthen(locked, now) if locked.extends_id else []
    grants = [] if locked.extends_id else grants_for(locked, now)
    locked.state = move_request(locked.state, RequestState.APPROVED)
    locked.approved_how, locked.decided_by = how, by
    _settle(locked, now, comment)
    event = "request.approved" if by else "request.approved_by_rule"
    gates += record_grants(locked, grants, event=event, by=by or BY_POLICY, comment=comment)
    return gates


def _release(locked: AccessRequest, now: datetime, *, by: Person, comment: str) -> None:
    """Approved anew: the grants that wait are opened at the engine's next look."""
    kind_named(locked.kind).granted(locked, ())
    locked.hold, locked.held_at, locked.decided_by = "", None, by
    locked.approved_how = ApprovedHow.PEOPLE  # whatever it was before
    _settle(locked, now, comment)
    record(locked, "request.approved_again", by=by, comment=comment)
    tell_requester(locked, "request.approved_again", by=by, comment=comment)
    waiting = Grant.objects.filter(access_request=locked, state__in=WANTING)
    gates = list(waiting.values_list("gate_id", flat=True))
    transaction.on_commit(lambda: tasks.wake(gates))


def _settle(locked: AccessRequest, now: datetime, comment: str) -> None:
    locked.decided_at, locked.comment = now, comment
    locked.blocked, locked.asked_back_at = "", None
    locked.save()
    locked.deciders.all().delete()


def _lengthen(locked: AccessRequest, now: datetime) -> list[int]:
    """More time for what the parent's grants hold open: all of them, or none. Locks machines
    before gates."""
    if lost := refusal_of_more(locked, now):
        raise WrongState(f"{lost} More time must be asked for anew.")
    start, until = locked.window_from(now)
    wanted = Grant.objects.filter(
        access_request_id=locked.extends_id, state__in=WANTING, end_order__isnull=True
    )
    grants = list(wanted.select_related("machine").order_by("pk"))
    if not grants or any(grant.ends_at != start for grant in grants):
        raise WrongState("Its end is no longer the one that more time was asked for.")
    check_free(grants, until)
    return lengthen(grants, until, by_request=locked)
