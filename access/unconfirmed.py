"""An order to close everything that no second administrator confirmed: over at its time."""

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from access import ledger, notices
from access.clock import db_now
from access.lockdowns import named, words_of
from access.models import Lockdown

SCHEDULE = "schedule"
WHY = "Nobody confirmed it in time."


def lapse_lockdowns() -> int:
    """Returns how many. It shut nothing any more since its time; here that is written down."""
    return sum(_lapse(pk) for pk in list(lapsing().values_list("pk", flat=True)))


def lapsing() -> QuerySet[Lockdown]:
    return Lockdown.objects.filter(
        confirmed_at__isnull=True, lifted_at__isnull=True, lapses_at__lte=Now()
    )


def _lapse(pk: int) -> bool:
    with transaction.atomic():
        locked = Lockdown.objects.select_for_update().get(pk=pk)
        if locked.confirmed_at is not None or locked.lifted_at is not None:
            return False
        locked.lifted_at, locked.lift_reason = db_now(), WHY
        locked.save(update_fields=["lifted_at", "lift_reason"])
        scope = words_of(named(Lockdown.objects.filter(pk=pk)).get())
        facts = {"lockdown": pk, "scope": locked.scope, "value": locked.value, "in": scope}
        ledger.record("lockdown.lapsed", by=SCHEDULE, subject=locked.value, data=facts)
        notices.tell_overseers(
            "lockdown.lapsed", key=f"lockdown.lapsed.{pk}", data={"scope": scope, "lockdown": pk}
        )
    return True
