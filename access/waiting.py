"""What becomes of requests while nobody decides: they lapse, more people are asked, or nobody is
left to ask and administrators are told. All of it may be repeated, by any number of workers.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.db.models.functions import Now

from access import approvers, ledger, notices
from access.clock import db_now
from access.models import AccessRequest, Decision, Grant, Person
from access.states import WANTING, RequestState, move_request

SCHEDULE = "schedule"
MOST_AT_ONCE = 500


def lapse_due(limit: int = 100) -> int:
    """Let pending requests lapse whose time to be decided is over. Returns how many."""
    return sum(_lapse(pk) for pk in list(lapsing().values_list("pk", flat=True)[:limit]))


def escalate_due(limit: int = 100) -> int:
    """Ask more people where a stage has waited for as long as the policy says."""
    waiting = list(
        undecided()
        .filter(escalated_at__isnull=True, asked_back_at__isnull=True)
        .order_by("stage_since", "pk")
    )
    if not waiting:
        return 0
    now = db_now()
    due = [each.pk for each in waiting if _is_due(each, now)]
    return sum(_escalate(pk) for pk in due[:limit])


def let_go_of_held(limit: int = 100) -> int:
    """What was held and can open nothing any more waits for nobody. Returns how many."""
    return sum(_let_go(pk) for pk in list(held_in_vain().values_list("pk", flat=True)[:limit]))


def reckon_all(limit: int = MOST_AT_ONCE) -> int:
    """Reckon anew who could decide each undecided request. Returns how many were reckoned.

    Most are as they were: that is found out for all of them together, and without a lock. What
    changes in between is written down by who changes it, or the next time.
    """
    given = Decision.objects.select_related("by", "on_behalf_of")
    rows = undecided().select_related("requester").order_by("lapses_at")
    waiting = list(rows.prefetch_related(Prefetch("decisions", given), "deciders")[:limit])
    if not waiting:
        return 0
    pool = approvers.Pool(db_now())  # read once for all: deciding reads it anew
    pool.read_owners(each.vendor_mail for each in waiting)
    for each in waiting:
        if not approvers.is_reckoned(each, pool):
            _reckon(each.pk, pool)
    return len(waiting)


def end_unopened(
    locked: AccessRequest,
    state: RequestState,
    at: datetime,
    *,
    by: Person | None = None,
    comment: str = "",
) -> None:
    """It waits for nobody any more, and nothing is opened. ``by``: ``None`` when it lapsed."""
    locked.state = move_request(locked.state, state)
    locked.decided_by, locked.decided_at, locked.comment = by, at, comment
    locked.blocked, locked.asked_back_at = "", None
    locked.save(
        update_fields=["state", "decided_by", "decided_at", "comment", "blocked", "asked_back_at"]
    )
    locked.doors.update(pending=False)
    locked.deciders.all().delete()


def tell_blocked(access_request: AccessRequest) -> None:
    """Nobody is left to decide it: told to administrators, who are never asked instead."""
    key = f"{access_request.reference}.{access_request.revision}.{access_request.stage}.blocked"
    ledger.record(
        "request.blocked", by=SCHEDULE, reference=access_request.reference, outcome="denied",
        data={"reason": access_request.blocked},
    )  # fmt: skip
    data = {"reference": access_request.reference, "why": access_request.blocked}
    notices.tell_overseers("request.blocked", key=key, data=data)


def lapsing() -> QuerySet[AccessRequest]:
    """Pending ones whose time to be decided is over."""
    return AccessRequest.objects.filter(state=RequestState.PENDING, lapses_at__lte=Now())


def held_in_vain() -> QuerySet[AccessRequest]:
    """Held ones that can open nothing any more."""
    wanted = Grant.objects.filter(access_request=OuterRef("pk"), state__in=WANTING)
    return AccessRequest.objects.exclude(hold="").filter(~Exists(wanted))


def undecided() -> QuerySet[AccessRequest]:
    """``AccessRequest.is_undecided``, asked of the database."""
    return AccessRequest.objects.filter(Q(state=RequestState.PENDING) | ~Q(hold=""))


def _lapse(request_id: int) -> bool:
    with transaction.atomic():
        locked = AccessRequest.objects.select_for_update(no_key=True).get(pk=request_id)
        now = db_now()
        if locked.state != RequestState.PENDING or locked.lapses_at > now:
            return False  # decided, or changed, in the same instant
        end_unopened(locked, RequestState.LAPSED, now)
        key = f"{locked.reference}.lapsed"
        notices.tell("request.lapsed", key=key, to=[locked.requester], about=locked)
        ledger.record("request.lapsed", by=SCHEDULE, reference=locked.reference)
    return True


def _escalate(request_id: int) -> bool:
    with transaction.atomic():
        locked = AccessRequest.objects.select_for_update(no_key=True).get(pk=request_id)
        now = db_now()
        if not locked.is_undecided or locked.escalated_at is not None or not _is_due(locked, now):
            return False
        stage = locked.judgement.stages[locked.stage]
        before = set(locked.deciders.values_list("person_id", flat=True))
        locked.escalated_at = now
        locked.save(update_fields=["escalated_at"])
        approvers.reckon(locked, approvers.Pool(now))
        more = locked.deciders.exclude(person_id__in=before).select_related("person")
        key = f"{locked.reference}.{locked.revision}.{locked.stage}.escalated"
        to = [row.person for row in more]
        notices.tell("request.escalated", key=key, to=to, about=locked)
        ledger.record(
            "request.escalated", by=SCHEDULE, reference=locked.reference,
            data={"stage": locked.stage, "waited_minutes": stage.escalate_after},
        )  # fmt: skip
    return True


def _is_due(access_request: AccessRequest, now: datetime) -> bool:
    """Whether the stage has waited for as long as the policy lets it."""
    stages, since = access_request.judgement.stages, access_request.stage_since
    if since is None or access_request.stage >= len(stages):
        return False
    after = stages[access_request.stage].escalate_after
    return after is not None and since + timedelta(minutes=after) <= now


def _let_go(request_id: int) -> bool:
    with transaction.atomic():
        locked = AccessRequest.objects.select_for_update(no_key=True).get(pk=request_id)
        if not locked.hold or locked.grants.filter(state__in=WANTING).exists():
            return False
        why, locked.hold, locked.held_at = locked.hold, "", None
        locked.blocked, locked.asked_back_at = "", None
        locked.save(update_fields=["hold", "held_at", "blocked", "asked_back_at"])
        locked.deciders.all().delete()
        ledger.record(
            "request.hold_over", by=SCHEDULE, reference=locked.reference, data={"reason": why}
        )
    return True


def _reckon(request_id: int, pool: approvers.Pool) -> None:
    with transaction.atomic():
        locked = AccessRequest.objects.select_for_update(no_key=True).get(pk=request_id)
        if not locked.is_undecided:
            return
        known = set(locked.deciders.values_list("person_id", flat=True))
        was_blocked = bool(locked.blocked)
        approvers.reckon(locked, pool)
        if locked.blocked and not was_blocked:
            tell_blocked(locked)
        fresh = locked.deciders.exclude(person_id__in=known).select_related("person")
        if new := [row.person for row in fresh]:
            key = f"{locked.reference}.{locked.revision}.{locked.stage}"
            notices.tell("request.submitted", key=key, to=new, about=locked)
