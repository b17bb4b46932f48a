"""Every port that JIT holds open in Azure now, whoever asked for it.

The truth is the allow rules in the security groups; the policy's history only says who asked. A
rule may admit any source, also one that no policy of ours names: all the more reason to show it.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from access.clock import db_now
from access.errors import Later, Receipt
from access.kinds import Stray
from access.models import Machine
from jit.defender import ALLOW_RULE, Groups, delete_rule, read_policy
from portal.azure import door as azure

TEXT_LIMIT = 300


def survey(policy_id: str) -> list[Stray]:
    """Raises ``Later`` or ``Never``, also when one security group could not be read: an answer
    that lacks something would show what is open as gone."""
    with azure.calling():
        policy = read_policy(policy_id)
    machines = list(
        Machine.objects.filter(jit_ports__gate__resource_key=policy_id.lower()).distinct()
    )
    groups = Groups(key for machine in machines for key in machine.nsg_ids)
    for setback in groups.setbacks.values():
        raise setback if isinstance(setback, Later) else Later(str(setback))
    now = db_now()
    return [stray for machine in machines for stray in _at(machine, groups, policy, now)]


def remove(strays: Sequence[Stray]) -> list[Receipt]:
    """Deletes the very rules that were found."""
    with azure.calling() as receipts:
        for stray in strays:
            for rule in stray.detail["rules"]:
                delete_rule(rule["nsg"], rule["name"])
    return receipts


def _at(machine: Machine, groups: Groups, policy: Any, now: datetime) -> Iterator[Stray]:
    by_port: dict[int, list[dict[str, str]]] = {}
    for key in machine.nsg_ids:
        nsg = groups.read.get(key.lower())
        for rule in (nsg.security_rules or []) if nsg else []:
            for port in _opens(rule, machine):
                found = {"nsg": key, "name": rule.name, "source": rule.source_address_prefix or ""}
                by_port.setdefault(port, []).append(found)
    for port, rules in by_port.items():
        asked = _asked(policy, machine, port, now)
        yield Stray(machine.resource_id, port, {"rules": rules, **asked})


def _opens(rule: Any, machine: Machine) -> Iterator[int]:
    """The single ports that a JIT allow rule opens on this machine. JIT writes one at a time."""
    if not ALLOW_RULE.match(rule.name or "") or azure.word(rule.access) != "Allow":
        return
    address = machine.private_ip or "-"
    places = {rule.destination_address_prefix, *(rule.destination_address_prefixes or [])}
    if not places & {address, f"{address}/32"}:
        return
    for text in [rule.destination_port_range, *(rule.destination_port_ranges or [])]:
        if text and str(text).isdecimal():
            yield int(text)


def _asked(policy: Any, machine: Machine, port: int, now: datetime) -> dict[str, Any]:
    """Who asked, as far as the policy's history knows: Azure names no requester for services."""
    found = [
        (entry.start_time_utc, entry, one)
        for entry in (policy.requests or [] if policy else [])
        for listed in entry.virtual_machines or []
        if (listed.id or "").lower() == machine.resource_key
        for one in listed.ports or []
        if one.number == port and one.end_time_utc > now
    ]
    if not found:
        return {}
    _, entry, one = max(found, key=lambda row: (row[0] is not None, row[0] or now))
    return {
        "asked_by": (entry.requestor or "")[:TEXT_LIMIT],
        "justification": (entry.justification or "")[:TEXT_LIMIT],
        "until": one.end_time_utc.isoformat(),
    }
