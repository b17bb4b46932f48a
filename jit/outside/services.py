"""Registering machines outside Azure, changing and retiring them: one transaction and one line
of the ledger each. What is open to a machine stays what was approved, so such is not changed.
"""

import re
import uuid
from dataclasses import dataclass
from typing import Any

from access import ledger, policy
from access.clock import db_now
from access.errors import Invalid, WrongState
from access.models import BastionHost, Grant, Machine, Person
from access.models.estate import OUTSIDE
from access.services.refusals import one_transaction
from access.services.submit import REASON_LIMIT, clean_text
from access.states import LIVE
from jit.outside.addresses import problem_of
from jit.outside.estate import refresh_these
from jit.outside.models import OutsideTarget
from portal.azure.checks.skus import Feature, allows, needs

PORTS = (22, 3389)  # the command line refuses others for an address, and so does the browser
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
SHORT = 64


@dataclass(frozen=True)
class Details:
    """What an administrator says of a machine. ``host_id``: of the Bastion that reaches it."""

    name: str
    address: str
    os: str
    ports: tuple[int, ...]
    host_id: int
    owner: str = ""
    environment: str = ""

    @property
    def data(self) -> dict[str, Any]:
        return {**vars(self), "ports": list(self.ports)}


def able_hosts() -> list[BastionHost]:
    """Those that connect to addresses, by name."""
    there = BastionHost.objects.filter(gone_at__isnull=True, ip_connect=True).order_by("name")
    return [host for host in there if allows(host.sku, Feature.IP_CONNECT)]


def register(details: Details, *, by: Person) -> OutsideTarget:
    """Raises ``NotAllowed``, or ``Invalid`` with a message for each wrong field."""
    with one_transaction("outside.register", by=by):
        policy.check_may_manage_outside(by)
        host = _checked(details)
        machine = Machine(resource_id=f"{OUTSIDE}{uuid.uuid4().hex}/{details.name}")
        machine.resource_key = machine.resource_id.lower()
        machine.name, machine.vm_id = details.name, str(uuid.uuid4())
        _describe(machine, details, host)
        machine.save(force_insert=True)
        target = OutsideTarget.objects.create(machine=machine, ports=sorted(details.ports))
        refresh_these([target])
        _record("outside.registered", target, by, details.data)
    return target


def change(target: OutsideTarget, details: Details, *, by: Person) -> OutsideTarget:
    """Another address or host makes it another machine: what was approved for the former one is
    void. Raises also ``WrongState`` while somebody has access, or when it was retired."""
    with one_transaction("outside.change", by=by):
        policy.check_may_manage_outside(by)
        locked = _lock(target)
        machine = locked.machine
        host = _checked(details, but=machine)
        before = _told(locked)
        moves = (machine.private_ip, machine.bastion_id) != (details.address, host.pk)
        if moves or locked.ports != sorted(details.ports):
            _check_nobody_is_in(machine, "Its address, host and ports cannot be changed")
        if moves:
            machine.vm_id = str(uuid.uuid4())
        _describe(machine, details, host)
        machine.save()
        locked.ports = sorted(details.ports)
        locked.save(update_fields=["ports"])
        refresh_these([locked])
        _record("outside.changed", locked, by, {"before": before, "now": _told(locked)})
    return locked


def retire(target: OutsideTarget, *, by: Person, reason: str) -> OutsideTarget:
    """From then on nobody can ask for it. Its past stays."""
    reason = clean_text(reason)
    if not reason or len(reason) > REASON_LIMIT:
        raise Invalid({"reason": f"Say why, in at most {REASON_LIMIT} characters."})
    with one_transaction("outside.retire", by=by):
        policy.check_may_manage_outside(by)
        locked = _lock(target)
        _check_nobody_is_in(locked.machine, "It cannot be retired")
        locked.machine.gone_at = db_now()
        locked.machine.save(update_fields=["gone_at"])
        _record("outside.retired", locked, by, {"reason": reason})
    return locked


def _lock(target: OutsideTarget) -> OutsideTarget:
    """By the machine, as approving does."""
    machine = Machine.objects.select_for_update().get(pk=target.machine_id)
    if machine.gone_at is not None:
        raise WrongState(f"{machine.name} was retired.")
    locked = OutsideTarget.objects.get(pk=target.pk)
    locked.machine = machine
    return locked


def _check_nobody_is_in(machine: Machine, what: str) -> None:
    live = Grant.objects.filter(machine=machine, state__in=LIVE).select_related("access_request")
    grant = live.order_by("pk").first()
    if grant is not None:
        raise WrongState(f"{what}: {grant.access_request.reference} is not closed yet.")


def _checked(details: Details, *, but: Machine | None = None) -> BastionHost:
    """The host, locked: two administrators must not register one address at the same time."""
    host = BastionHost.objects.select_for_update().filter(pk=details.host_id).first()
    if host is None or host.gone_at is not None:
        raise Invalid({"host": "Choose a Bastion host from the list."})
    pk = but.pk if but else 0
    problems = {
        "name": _name_problem(details.name, pk),
        "address": problem_of(details.address, host, but=pk),
        "host": _host_problem(host),
        "os": "" if details.os in {"linux", "windows"} else "Choose the operating system.",
        "ports": "" if set(details.ports) and set(details.ports) <= set(PORTS)
        else "Choose 22, 3389 or both: Bastion reaches an address by no other port.",
        "owner": "" if len(details.owner) <= SHORT else f"At most {SHORT} characters.",
        "environment": "" if len(details.environment) <= SHORT else f"At most {SHORT} characters.",
    }  # fmt: skip
    if wrong := {name: text for name, text in problems.items() if text}:
        raise Invalid(wrong)
    return host


def _name_problem(name: str, but: int) -> str:
    if not NAME.fullmatch(name):
        return "Use letters, digits and . _ - only, at most 63."
    there = Machine.objects.filter(name__iexact=name, gone_at__isnull=True).exclude(pk=but)
    return f"There is a machine called {name} already." if there.exists() else ""


def _host_problem(host: BastionHost) -> str:
    if not allows(host.sku, Feature.IP_CONNECT):
        return (
            f"{host.name} is {host.sku}; for {Feature.IP_CONNECT} it {needs(Feature.IP_CONNECT)}."
        )
    if not host.ip_connect:
        return f"{host.name} has {Feature.IP_CONNECT} switched off (enableIpConnect)."
    return ""


def _describe(machine: Machine, details: Details, host: BastionHost) -> None:
    """All but its name, which stays, and its identity."""
    machine.private_ip, machine.os, machine.bastion = details.address, details.os, host
    machine.owner = clean_text(details.owner)
    machine.environment = clean_text(details.environment)
    machine.synced_at = db_now()


def _told(target: OutsideTarget) -> dict[str, Any]:
    machine = target.machine
    fields = ("name", "private_ip", "os", "owner", "environment", "vm_id")
    kept = {name: getattr(machine, name) for name in fields}
    return {**kept, "host": machine.bastion_id, "ports": list(target.ports)}


def _record(event: str, target: OutsideTarget, by: Person, data: dict[str, Any]) -> None:
    """With what keeps it shut, as far as is known: who approves relies on it."""
    told = {**data, "kept_shut_by": target.kept_shut_by}
    ledger.record(event, by=by, subject=target.machine.resource_key, data=told)
