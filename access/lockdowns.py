"""What is shut in an incident. Asked by everything that opens or lets somebody ask, in one query.

In force is what was ordered and neither lifted nor, unconfirmed, past its time. From the order on
nothing in its scope is opened; from the confirmation on everything in it is ended.
"""

from dataclasses import dataclass

from django.db.models import Case, CharField, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Concat, Lower, Now

from access.models import Grant, Lockdown, LockdownScope, Machine, Restoration

WENT_BACK = (
    "The database went back in time, as after a restore. Nothing is opened until an administrator "
    "has reconciled it."
)


@dataclass(frozen=True)
class InForce:
    """Those in force at one moment, to judge many machines by without asking again."""

    lockdowns: tuple[Lockdown, ...]
    barred: str = ""  # why nothing at all may be opened, beside incidents; for people

    def over(self, machine: Machine) -> Lockdown | None:
        """The one that the machine is under; a confirmed one before one that is not."""
        mine = [each for each in self.lockdowns if _covers(each, machine)]
        return min(mine, key=lambda each: each.confirmed_at is None, default=None)

    def reason_shut(self, machine: Machine) -> str:
        """Why nothing may be opened there, for people; empty when it may."""
        if self.barred:
            return self.barred
        found = self.over(machine)
        return (
            f"Incident: nothing in {words_of(found)} is opened until it is over." if found else ""
        )

    def reason_to_end(self, machine: Machine) -> str:
        """Why what is open there must be shut, for people; empty when it need not."""
        found = self.over(machine)
        if found is None or found.confirmed_at is None:
            return ""
        return ended_in(found.reason)


def in_force(*, opening: bool = False) -> InForce:
    """``opening``: asked by who opens, whom a database that went back in time stops, too."""
    barred = WENT_BACK if opening and Restoration.objects.filter(waits=True).exists() else ""
    return InForce(tuple(named(rows_in_force()).order_by("ordered_at", "pk")), barred)


def reason_shut(machine: Machine) -> str:
    """Empty when something may be asked for and opened there, else why not, for people."""
    return in_force().reason_shut(machine)


def rows_in_force() -> QuerySet[Lockdown]:
    """By the database's clock: one that nobody confirmed is over at its time, swept or not."""
    stands = Q(confirmed_at__isnull=False) | Q(lapses_at__gt=Now())
    return Lockdown.objects.filter(stands, lifted_at__isnull=True)


def named(rows: QuerySet[Lockdown]) -> QuerySet[Lockdown]:
    """With ``name``: a subscription is written down by its id, and people know its name."""
    mine = Machine.objects.filter(subscription_id__iexact=OuterRef("value"))
    name = mine.exclude(subscription_name="").values("subscription_name")[:1]
    of_scope = When(scope=LockdownScope.SUBSCRIPTION, then=Subquery(name))
    return rows.annotate(name=Case(of_scope, default=Value(""), output_field=CharField()))


def is_shut(machine: str = "") -> Exists:
    """Whether a row's machine is under one, as a condition for a query. ``machine``: the path to
    it, as ``"machine__"``; empty for rows that are machines."""
    group = Concat(
        Lower(OuterRef(f"{machine}subscription_id")),
        Value("/"),
        Lower(OuterRef(f"{machine}resource_group")),
        output_field=CharField(),
    )
    scopes = (
        Q(scope=LockdownScope.ALL)
        | Q(scope=LockdownScope.SUBSCRIPTION, value=Lower(OuterRef(f"{machine}subscription_id")))
        | Q(scope=LockdownScope.GROUP, value=group)
        | Q(scope=LockdownScope.HOST, value=OuterRef(f"{machine}bastion__resource_key"))
        | Q(scope=LockdownScope.MACHINE, value=OuterRef(f"{machine}resource_key"))
    )
    return Exists(rows_in_force().filter(scopes))


def grants_in(scope: str, value: str) -> QuerySet[Grant]:
    """Also those that were opened through a host which their machine has since left."""
    return Grant.objects.filter(_grants_at(scope, value))


def machines_in(scope: str, value: str) -> QuerySet[Machine]:
    return Machine.objects.filter(_machines_at(scope, value))


def ended_in(reason: str) -> str:
    """Why something was ended, as a sentence. Not "closed": that is for Azure to show."""
    return sentence(f"Ended in an incident: {reason}")


def sentence(text: str) -> str:
    """What people wrote may lack its full stop, and something may follow."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def words_of(lockdown: Lockdown) -> str:
    """``subscription Payments``, after "nothing in". Best of a row that is ``named``."""
    name = getattr(lockdown, "name", "") or lockdown.value.rsplit("/", 1)[-1]
    return {
        LockdownScope.ALL: "the whole estate",
        LockdownScope.SUBSCRIPTION: f"subscription {name}",
        LockdownScope.GROUP: f"resource group {name}",
        LockdownScope.HOST: f"reach of Bastion host {name}",
        LockdownScope.MACHINE: f"machine {name}",
    }[LockdownScope(lockdown.scope)]


def is_scope(scope: str) -> bool:
    return scope in LockdownScope.values


def value_for(scope: str, machine: Machine) -> str:
    """What a lockdown of that scope is written with, for one of the machines in it."""
    return {
        LockdownScope.ALL: "",
        LockdownScope.SUBSCRIPTION: machine.subscription_id.lower(),
        LockdownScope.GROUP: f"{machine.subscription_id}/{machine.resource_group}".lower(),
        LockdownScope.HOST: machine.bastion.resource_key if machine.bastion else "",
        LockdownScope.MACHINE: machine.resource_key,
    }[LockdownScope(scope)]


def _covers(lockdown: Lockdown, machine: Machine) -> bool:
    if lockdown.scope == LockdownScope.ALL:
        return True
    value = value_for(lockdown.scope, machine)
    return bool(value) and value == lockdown.value


def _machines_at(scope: str, value: str, path: str = "") -> Q:
    if scope == LockdownScope.ALL:
        return Q()
    if scope == LockdownScope.GROUP:
        subscription, _, group = value.partition("/")
        return Q(
            **{
                f"{path}subscription_id__iexact": subscription,
                f"{path}resource_group__iexact": group,
            }
        )
    field = {
        LockdownScope.SUBSCRIPTION: "subscription_id__iexact",
        LockdownScope.HOST: "bastion__resource_key",
        LockdownScope.MACHINE: "resource_key",
    }[LockdownScope(scope)]
    return Q(**{f"{path}{field}": value})


def _grants_at(scope: str, value: str) -> Q:
    at = _machines_at(scope, value, "machine__")
    if scope == LockdownScope.HOST:
        at |= Q(gate__resource_key=value) | Q(place__bastion_id__iexact=value)
    return at
