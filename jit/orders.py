"""Ordering how a machine is to stand in a JIT policy. The browser writes orders; a worker that
has the right identity carries them out (``jit.keeping``). Nothing here asks Azure."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from access import ledger, policy
from access.clock import db_now
from access.errors import Invalid, WrongState
from access.inventory import gate_for
from access.models import Gate, Grant, Heartbeat, Machine, Person
from access.presenters.ways import port_words
from access.services.refusals import one_transaction
from access.services.submit import REASON_LIMIT, clean_text
from access.states import LIVE
from jit.models import JitPort, PolicyOrder
from jit.wanted import Port
from portal.azure.checks.facts import Vm
from portal.azure.checks.ids import name_of
from portal.azure.checks.jit import LONGEST, NAME_ROOM, SHORTEST
from portal.azure.checks.policies import policy_for

KEEPER = "keeper"  # the sign of life of workers that may change policies
SILENCE = timedelta(minutes=2)
MOST_PORTS = 20
HIGHEST_PORT = 65535
AZURES = "/providers/microsoft.compute/virtualmachines/"


@dataclass(frozen=True)
class Plan:
    """In which policy a machine is or will be, and whether anything can be ordered there."""

    machine: Machine
    policy_id: str
    gate: Gate | None  # ``None``: nobody has heard of that policy yet
    source: str  # the only one that is ever ordered: the Bastion's subnet
    before: list[Port]
    others: int  # machines that the policy guards besides
    refusal: str = ""

    @property
    def policy_name(self) -> str:
        return name_of(self.policy_id)


@dataclass(frozen=True)
class Wanted:
    """``ports``: (number, minutes) each; empty takes the machine out of the policy."""

    submission_key: uuid.UUID
    reason: str
    ports: Sequence[tuple[int, int]] = field(default_factory=list)


def plan_for(machine: Machine) -> Plan:
    """Needs bastion loaded. By the database: as old as the last reading of the estate."""
    ports = list(JitPort.objects.filter(machine=machine))
    gates = {port.gate_id: port.gate for port in ports}
    gate = next(iter(gates.values())) if gates else _gate_with_room(machine)
    policy_id = gate.resource_id if gate else policy_for(as_vm(machine))
    before = sorted((p.number, tuple(p.source_prefixes), p.max_minutes) for p in ports)
    guarded = Machine.objects.filter(jit_ports__gate=gate) if gate else Machine.objects.none()
    host = machine.bastion
    return Plan(
        machine=machine,
        policy_id=policy_id,
        gate=gate,
        source=host.subnet_prefix if host else "",
        before=before,
        others=guarded.exclude(pk=machine.pk).distinct().count(),
        refusal=_refusal(machine, policy_id, len(gates)),
    )


def order(machine: Machine, wanted: Wanted, *, shown: Sequence[Port], by: Person) -> PolicyOrder:
    """Safe to repeat with the same key. ``shown``: the ports that the person saw as they are now.

    Raises ``NotAllowed``, ``Invalid``, or ``WrongState`` when what was shown is not so any more
    or another change of the same policy is under way.
    """
    with one_transaction("policy.change", by=by):
        locked = Machine.objects.select_for_update(of=("self",)).select_related("bastion")
        machine = locked.get(pk=machine.pk)
        again = PolicyOrder.objects.filter(submission_key=wanted.submission_key).first()
        if again is not None:
            return again
        policy.check_may_change_guard(by)
        plan = plan_for(machine)
        _check_keeper()
        ports = check(plan, wanted, shown)
        made = _create(plan, wanted, ports, by)
        pk = made.pk
        transaction.on_commit(lambda: _wake(pk))
    return made


def check(plan: Plan, wanted: Wanted, shown: Sequence[Port]) -> list[Port]:
    """The ports as they will be. Raises ``WrongState`` or ``Invalid`` where it cannot be so."""
    _check_place(plan, shown)
    problems = {**_check_ports(wanted.ports), **_check_reason(wanted.reason)}
    ports: list[Port] = sorted((n, (plan.source,), minutes) for n, minutes in wanted.ports)
    if not problems and ports == plan.before:
        problems["ports"] = "This is how it stands already; nothing would change."
    live = live_grants(plan.machine, ports).first()
    if live is not None:
        problems.setdefault("ports", told_of(live))
    if problems:
        raise Invalid(problems)
    return ports


def keeper_seen() -> bool:
    """Whether a worker that may change policies was seen lately."""
    return Heartbeat.objects.filter(name=KEEPER, at__gte=db_now() - SILENCE).exists()


def pending(gate: Gate | None) -> PolicyOrder | None:
    waiting = PolicyOrder.objects.filter(gate=gate, done_at__isnull=True, failed_at__isnull=True)
    return waiting.select_related("by", "machine").first() if gate else None


def live_grants(machine: Machine, ports: Sequence[Port]) -> QuerySet[Grant]:
    """Of windows on ports that would not be guarded any more."""
    kept = [number for number, _, _ in ports]
    mine = Grant.objects.filter(machine=machine, kind="window", state__in=LIVE)
    return mine.exclude(port__in=kept).select_related("access_request").order_by("pk")


def told_of(grant: Grant) -> str:
    return (
        f"{grant.access_request.reference} still counts on port {port_words(grant.port)}. "
        "End it first, or leave the port in."
    )


def as_vm(machine: Machine) -> Vm:
    return Vm(
        id=machine.resource_id,
        name=machine.name,
        resource_group=machine.resource_group,
        subscription_id=machine.subscription_id,
        region=machine.region,
    )


def _gate_with_room(machine: Machine) -> Gate | None:
    """A policy beside the machine whose name leaves room for the machine's; "default" first."""
    beside = policy_for(as_vm(machine)).rsplit("/", 1)[0].lower() + "/"
    gates = Gate.objects.filter(kind="window", resource_key__startswith=beside)
    fit = [gate for gate in gates if _fits(gate.resource_id, machine)]
    return min(fit, key=_default_first, default=None)


def _default_first(gate: Gate) -> tuple[bool, str]:
    return (name_of(gate.resource_key) != "default", gate.resource_key)


def _fits(policy_id: str, machine: Machine) -> bool:
    return len(name_of(policy_id)) + len(machine.name) <= NAME_ROOM


def _refusal(machine: Machine, policy_id: str, policies: int) -> str:
    name = machine.name
    if machine.gone_at is not None:
        return f"{name} is gone from Azure."
    if AZURES not in machine.resource_key:
        return f"{name} is not a machine of Azure's, so JIT cannot guard it."
    if not machine.nsg_ids:
        return f"{name} has no network security group, so JIT cannot guard it."
    if policies > 1:
        return f"More than one policy names {name}. Take it out of all but one in Azure first."
    if not _fits(policy_id, machine):
        together = len(name_of(policy_id)) + len(name)
        return (
            f"The names {name_of(policy_id)} and {name} have {together} characters together; "
            f"Azure takes {NAME_ROOM}."
        )
    return _no_source(machine)


def _no_source(machine: Machine) -> str:
    host = machine.bastion
    if host is None:
        return f"No Bastion host reaches {machine.name}, so there is no source for JIT to admit."
    if not host.subnet_prefix:
        return f"{host.name}, which reaches {machine.name}, has no subnet for JIT to admit."
    return ""


def _check_place(plan: Plan, shown: Sequence[Port]) -> None:
    if plan.refusal:
        raise WrongState(plan.refusal)
    if list(shown) != plan.before:
        raise WrongState("The policy has changed since you looked. See what is there now.")
    other = pending(plan.gate)
    if other is not None:
        raise WrongState(_under_way(other))


def _check_keeper() -> None:
    if not keeper_seen():
        raise WrongState("This portal may not change JIT policies: no worker that may was seen.")


def _under_way(other: PolicyOrder) -> str:
    return (
        f"{other.by.display_name} has ordered a change of this policy, for {other.machine.name}, "
        "which is not carried out yet."
    )


def _check_ports(ports: Sequence[tuple[int, int]]) -> dict[str, str]:
    numbers = [number for number, _ in ports]
    if len(numbers) > MOST_PORTS:
        return {"ports": f"At most {MOST_PORTS} ports."}
    if len(set(numbers)) < len(numbers):
        return {"ports": "Name each port once."}
    if not all(1 <= number <= HIGHEST_PORT for number in numbers):
        return {"ports": f"A port is a number from 1 to {HIGHEST_PORT}."}
    if not all(SHORTEST <= minutes <= LONGEST for _, minutes in ports):
        return {"ports": "Azure opens a port for 5 minutes to 24 hours."}
    return {}


def _check_reason(reason: str) -> dict[str, str]:
    reason = clean_text(reason)
    if not reason:
        return {"reason": "Say why. It stands in the ledger."}
    if len(reason) > REASON_LIMIT:
        return {"reason": f"Keep the reason under {REASON_LIMIT} characters."}
    return {}


def _create(plan: Plan, wanted: Wanted, ports: list[Port], by: Person) -> PolicyOrder:
    name = "/".join((plan.policy_id.split("/")[4], plan.policy_name))
    gate = plan.gate or gate_for(kind="window", resource_id=plan.policy_id, name=name)
    try:
        with transaction.atomic():
            made = PolicyOrder.objects.create(
                submission_key=wanted.submission_key, gate=gate, machine=plan.machine,
                by=by, at=db_now(), reason=clean_text(wanted.reason),
                before=plan.before, ports=ports,
            )  # fmt: skip
    except IntegrityError:  # somebody was quicker with another machine of the same policy
        raise WrongState("Another change of this policy was ordered just now.") from None
    ledger.record(
        "policy.change_ordered",
        by=by,
        subject=plan.machine.resource_key,
        data={**terms_of(made), "reason": made.reason},
    )
    return made


def terms_of(made: PolicyOrder) -> dict[str, object]:
    """For the ledger."""
    policy_id = made.gate.resource_id
    return {"order": made.pk, "policy": policy_id, "before": made.before, "ports": made.ports}


def _wake(pk: int) -> None:
    from jit import tasks

    tasks.wake([pk])
