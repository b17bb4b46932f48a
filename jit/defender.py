"""JIT policies and the NSG rules they write: what Defender for Cloud holds, opens and shuts.

Facts this rests on (docs/azure.md): an initiate is answered 202 without any operation to follow
and without an id, so the policy's requests and the NSG are read back. There is no call to end a
window early; its allow rule is deleted from the NSG, after which the policy still says
"Initiated". So the NSG is the truth about "open", and the policy about "until when".
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import HttpResponseError

from access.clock import db_now
from access.errors import Later, Never, Receipt
from access.kinds import Door, DoorKey, Place, Seen
from jit.models import JitPort
from portal.azure import door as azure
from portal.azure.roles import Identity

# Microsoft renamed the rules; estates hold both. Dashes mark an allow rule, underscores a deny.
ALLOW_RULE = re.compile(r"^(SecurityCenter|MicrosoftDefenderForCloud)-JITRule-", re.IGNORECASE)
NO_END = datetime.min.replace(tzinfo=UTC)
JUSTIFICATION_LIMIT = 500
REFERENCE = re.compile(r"BA-\d{6,}")
CLOCKS = timedelta(seconds=30)  # Azure's clock and ours need not agree about a maximum
AHEAD = timedelta(minutes=10)  # before Azure's own end a window is renewed
PATIENCE = timedelta(minutes=5)  # for an entry that Azure says it is at work on


def observe(policy_id: str, doors: Sequence[Door]) -> dict[DoorKey, Seen]:
    """Reads the policy once, and each NSG that guards one of the machines once. An NSG that
    cannot be read leaves its own doors unknown, and no others."""
    with azure.calling():
        policy = read_policy(policy_id)
    groups = Groups(key for door in doors for key in _nsg_ids(door))
    # What nobody wants any more needs none; nor, then, does the second closer need a database.
    limits = _limits(policy_id) if any(door.until for door in doors) else {}
    now = db_now()
    return {d.key: _seen(d, policy, groups, limits.get(d.key), now) for d in doors}


class Groups:
    """The NSGs that were read, and what stood in the way of the others. Ids lower-case."""

    def __init__(self, ids: Iterable[str]) -> None:
        self.read: dict[str, Any] = {}
        self.setbacks: dict[str, Later | Never] = {}
        for key in dict.fromkeys(each.lower() for each in ids):
            try:
                with azure.calling():
                    self.read[key] = read_nsg(key, Identity.READER)
            except (Later, Never) as setback:
                self.setbacks[key] = setback


def initiate(policy_id: str, doors: Sequence[Door]) -> list[Receipt]:
    """One call for all doors. The people are named in ``justification``: Azure knows only us."""
    limits, now = _limits(policy_id), db_now()
    where = azure.parts(policy_id)
    body = {
        "virtualMachines": _machines(doors, limits, now),
        "justification": _justification(doors),
    }
    with azure.calling() as receipts:
        client = azure.security(where["subscription"], Identity.OPENER)
        client.jit_network_access_policies.initiate(
            where["resource_group"], _location(policy_id), where["resource_name"], body
        )
    return receipts


def remove_rules(doors: Sequence[Door]) -> list[Receipt]:
    """Delete the allow rules of these doors that admit the Bastion subnet. Others stay."""
    with azure.calling() as receipts:
        for door in doors:
            for nsg_id in _nsg_ids(door):
                for rule in _allowing(door, read_nsg(nsg_id, Identity.CLOSER)):
                    delete_rule(nsg_id, rule.name)
    return receipts


def _nsg_ids(door: Door) -> list[str]:
    """Of every place where the door's grants were opened, and where the machine is now."""
    known = [*door.places, Place.of(door.machine)]
    return list(dict.fromkeys(key for place in known for key in place.nsg_ids))


def _machines(
    doors: Sequence[Door], limits: dict[DoorKey, timedelta], now: datetime
) -> list[dict[str, Any]]:
    by_machine: dict[str, list[dict[str, Any]]] = {}
    for door in doors:
        assert door.until is not None  # noqa: S101 - the engine opens wanted doors only
        end = min(door.until, now + limits.get(door.key, timedelta(hours=3)) - CLOCKS)
        port = {
            "number": door.port,
            "allowedSourceAddressPrefix": _source(door),
            "endTimeUtc": end.astimezone(UTC),
        }
        by_machine.setdefault(door.machine.resource_id, []).append(port)
    return [{"id": key, "ports": ports} for key, ports in by_machine.items()]


def _justification(doors: Sequence[Door]) -> str:
    """All people in full, or where that is too long for Azure the references of all requests."""
    full = "; ".join(door.on_behalf for door in doors)
    if len(full) <= JUSTIFICATION_LIMIT:
        return full
    return " ".join(REFERENCE.findall(full))[:JUSTIFICATION_LIMIT]


def _source(door: Door) -> str:
    """The prefix must be sent: without one Azure opens to the caller's own public address."""
    if not door.place.source:
        raise Never("No Bastion subnet is known for this machine.")
    return door.place.source


def read_policy(policy_id: str) -> Any:
    where = azure.parts(policy_id)
    client = azure.security(where["subscription"], Identity.READER)
    try:
        return client.jit_network_access_policies.get(
            where["resource_group"], _location(policy_id), where["resource_name"]
        )
    except HttpResponseError as error:
        if azure.is_gone(error):
            return None
        raise


def read_nsg(nsg_id: str, identity: Identity) -> Any:
    where = azure.parts(nsg_id)
    client = azure.network(where["subscription"], identity)
    try:
        return client.network_security_groups.get(where["resource_group"], where["name"])
    except HttpResponseError as error:
        if azure.is_gone(error):
            return None
        raise


def delete_rule(nsg_id: str, rule_name: str) -> None:
    where = azure.parts(nsg_id)
    client = azure.network(where["subscription"], Identity.CLOSER)
    client.security_rules.begin_delete(
        where["resource_group"], where["name"], rule_name, polling=False
    )


def _seen(door: Door, policy: Any, groups: Groups, limit: timedelta | None, now: datetime) -> Seen:
    unread = [groups.setbacks[k] for k in map(str.lower, _nsg_ids(door)) if k in groups.setbacks]
    if unread:
        return Seen(open=False, unknown=str(unread[0]))
    asked = list(_requests(door, policy))
    ends = [port.end_time_utc for _, port in asked if azure.word(port.status) == "Initiated"]
    rules = [
        rule.name
        for key in _nsg_ids(door)
        for rule in _allowing(door, groups.read.get(key.lower()))
    ]
    until = max(ends, default=NO_END)
    return Seen(
        open=bool(rules),
        until=until,
        renews_at=_renews_at(until, limit) if ends else None,
        settling=any(_is_young(started, port, now) for started, port in asked),
        detail={"rules": rules, "until": until.isoformat() if ends else None},
    )


def _is_young(started: datetime | None, port: Any, now: datetime) -> bool:
    """Azure is at work on it. An entry that never left this state must not count for ever."""
    return (
        azure.word(port.status) == "Initiating"
        and port.end_time_utc > now
        and (started is None or started > now - PATIENCE)
    )


def _renews_at(until: datetime, limit: timedelta | None) -> datetime:
    """A policy admits less time than a vendor's two days, or some seconds less than its maximum:
    such a window is renewed shortly before Azure's own end."""
    return until - min(AHEAD, (limit or AHEAD) / 2)


def _requests(door: Door, policy: Any) -> Iterator[tuple[datetime | None, Any]]:
    """(when it was asked, the policy's entry) for this machine, port and source, in no order."""
    for request in (policy.requests or []) if policy else []:
        for machine in request.virtual_machines or []:
            if (machine.id or "").lower() != door.machine.resource_key:
                continue
            for port in machine.ports or []:
                if port.number == door.port and _is_ours(door, port.allowed_source_address_prefix):
                    yield request.start_time_utc, port


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


def _places(door: Door) -> list[Place]:
    """Where it was opened, or for a door that never was, where the machine is."""
    return list(door.places) or [Place.of(door.machine)]


def _is_at(door: Door, destinations: set[str | None]) -> bool:
    addresses = {place.address for place in _places(door) if place.address}
    return bool(destinations & (addresses | {f"{address}/32" for address in addresses}))


def _is_ours(door: Door, source: str | None) -> bool:
    return bool(source) and any(source == place.source for place in _places(door))


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
