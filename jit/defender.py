"""JIT policies and the NSG rules they write: what Defender for Cloud holds, opens and shuts.

Facts this rests on (docs/azure.md): an initiate is answered 202 without any operation to follow
and without an id, so the policy's requests and the NSG are read back. There is no call to end a
window early; its allow rule is deleted from the NSG, after which the policy still says
"Initiated". So the NSG is the truth about "open", and the policy about "until when".
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import HttpResponseError

from access.clock import db_now
from access.errors import Never, Receipt
from access.kinds import Door, DoorKey, Seen
from jit.models import JitPort
from portal.azure import door as azure

# Microsoft renamed the rules; estates hold both. Dashes mark an allow rule, underscores a deny.
ALLOW_RULE = re.compile(r"^(SecurityCenter|MicrosoftDefenderForCloud)-JITRule-", re.IGNORECASE)
NO_END = datetime.min.replace(tzinfo=UTC)
JUSTIFICATION_LIMIT = 500


def observe(policy_id: str, doors: Sequence[Door]) -> dict[DoorKey, Seen]:
    """Reads the policy once, and each NSG that guards one of the machines once."""
    with azure.calling():
        policy = _policy(policy_id)
        groups = {key: _nsg(key) for door in doors for key in door.machine.nsg_ids}
    limits, now = _limits(policy_id), db_now()
    return {d.key: _seen(d, policy, groups, limits.get(d.key), now) for d in doors}


def initiate(policy_id: str, doors: Sequence[Door]) -> list[Receipt]:
    """One call for all doors. The people are named in ``justification``: Azure knows only us."""
    limits, now = _limits(policy_id), db_now()
    where = azure.parts(policy_id)
    body = {
        "virtualMachines": _machines(doors, limits, now),
        "justification": "; ".join(d.on_behalf for d in doors)[:JUSTIFICATION_LIMIT],
    }
    with azure.calling() as receipts:
        client = azure.security(where["subscription"])
        client.jit_network_access_policies.initiate(
            where["resource_group"], _location(policy_id), where["resource_name"], body
        )
    return receipts


def remove_rules(doors: Sequence[Door]) -> list[Receipt]:
    """Delete the allow rules of these doors that admit the Bastion subnet. Others stay."""
    with azure.calling() as receipts:
        for door in doors:
            for nsg_id in door.machine.nsg_ids:
                for rule in _allowing(door, _nsg(nsg_id)):
                    _delete_rule(nsg_id, rule.name)
    return receipts


def _machines(
    doors: Sequence[Door], limits: dict[DoorKey, timedelta], now: datetime
) -> list[dict[str, Any]]:
    by_machine: dict[str, list[dict[str, Any]]] = {}
    for door in doors:
        assert door.until is not None  # noqa: S101 - the engine opens wanted doors only
        end = min(door.until, now + limits.get(door.key, timedelta(hours=3)))
        port = {
            "number": door.port,
            "allowedSourceAddressPrefix": _source(door),
            "endTimeUtc": end.astimezone(UTC),
        }
        by_machine.setdefault(door.machine.resource_id, []).append(port)
    return [{"id": key, "ports": ports} for key, ports in by_machine.items()]


def _source(door: Door) -> str:
    """The prefix must be sent: without one Azure opens to the caller's own public address."""
    prefix = door.machine.bastion.subnet_prefix if door.machine.bastion else ""
    if not prefix:
        raise Never("No Bastion subnet is known for this machine.")
    return prefix


def _policy(policy_id: str) -> Any:
    where = azure.parts(policy_id)
    client = azure.security(where["subscription"])
    try:
        return client.jit_network_access_policies.get(
            where["resource_group"], _location(policy_id), where["resource_name"]
        )
    except HttpResponseError as error:
        if azure.is_not_found(error):
            return None
        raise


def _nsg(nsg_id: str) -> Any:
    where = azure.parts(nsg_id)
    client = azure.network(where["subscription"])
    try:
        return client.network_security_groups.get(where["resource_group"], where["name"])
    except HttpResponseError as error:
        if azure.is_not_found(error):
            return None
        raise


def _delete_rule(nsg_id: str, rule_name: str) -> None:
    where = azure.parts(nsg_id)
    client = azure.network(where["subscription"])
    client.security_rules.begin_delete(
        where["resource_group"], where["name"], rule_name, polling=False
    )


def _seen(
    door: Door, policy: Any, groups: dict[str, Any], limit: timedelta | None, now: datetime
) -> Seen:
    asked = list(_requests(door, policy))
    ends = [port.end_time_utc for port in asked if azure.word(port.status) == "Initiated"]
    rules = [rule.name for key in door.machine.nsg_ids for rule in _allowing(door, groups[key])]
    until = max(ends, default=NO_END)
    return Seen(
        open=bool(rules),
        until=until,
        renews_at=_renews_at(door, until, limit, now) if ends else None,
        settling=any(azure.word(port.status) == "Initiating" for port in asked),
        detail={"rules": rules, "until": until.isoformat() if ends else None},
    )


def _renews_at(
    door: Door, until: datetime, limit: timedelta | None, now: datetime
) -> datetime | None:
    """A policy admits less time than a vendor's two days: such a window is renewed in steps."""
    if limit is None or door.until is None or door.until <= now + limit:
        return None
    return until - limit / 2


def _requests(door: Door, policy: Any) -> Iterator[Any]:
    """The policy's entries for this machine, port and source, in no particular order."""
    for request in (policy.requests or []) if policy else []:
        for machine in request.virtual_machines:
            if machine.id.lower() != door.machine.resource_key:
                continue
            for port in machine.ports:
                if port.number == door.port and _is_ours(door, port.allowed_source_address_prefix):
                    yield port


def _allowing(door: Door, nsg: Any) -> list[Any]:
    return [rule for rule in (nsg.security_rules or []) if _allows(door, rule)] if nsg else []


def _allows(door: Door, rule: Any) -> bool:
    return (
        bool(ALLOW_RULE.match(rule.name or ""))
        and azure.word(rule.access) == "Allow"
        and azure.word(rule.direction) == "Inbound"
        and str(door.port) in {rule.destination_port_range, *(rule.destination_port_ranges or [])}
        and _is_at(
            door, {rule.destination_address_prefix, *(rule.destination_address_prefixes or [])}
        )
        and any(
            _is_ours(door, source)
            for source in {rule.source_address_prefix, *(rule.source_address_prefixes or [])}
        )
    )


def _is_at(door: Door, destinations: set[str | None]) -> bool:
    address = door.machine.private_ip
    return bool(address) and bool(destinations & {address, f"{address}/32"})


def _is_ours(door: Door, source: str | None) -> bool:
    return (
        bool(source)
        and door.machine.bastion is not None
        and (source == door.machine.bastion.subnet_prefix)
    )


def _limits(policy_id: str) -> dict[DoorKey, timedelta]:
    ports = JitPort.objects.filter(gate__resource_key=policy_id.lower())
    return {
        (machine, number): timedelta(minutes=minutes)
        for machine, number, minutes in ports.values_list("machine_id", "number", "max_minutes")
    }


def _location(policy_id: str) -> str:
    """…/providers/Microsoft.Security/locations/{location}/jitNetworkAccessPolicies/{name}."""
    words = policy_id.split("/")
    return words[[word.lower() for word in words].index("locations") + 1]
