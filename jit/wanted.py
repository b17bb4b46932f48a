"""How a machine stands in a JIT policy, and how it is to stand: compared without Azure.

Kept and sent as plain data. Durations are compared as minutes, ids without regard to case, so
what Azure spells otherwise is no difference.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from jit.estate import minutes_of
from portal.azure.checks.policies import length

Json = dict[str, Any]
Port = tuple[int, tuple[str, ...], int]  # number, sources, minutes
AZURES_OWN = ("requests", "provisioningState")  # not ours to put: see docs/decisions


def ports_in(entry: Mapping[str, Any] | None) -> list[Port]:
    """Of a machine's entry in a policy as Azure tells it; nothing where it has none."""
    told = (entry or {}).get("ports") or []
    return sorted((one["number"], _sources(one), _minutes(one)) for one in told)


def ports_from(kept: Sequence[Sequence[Any]]) -> list[Port]:
    """As ``PolicyOrder`` keeps them."""
    return sorted((int(n), tuple(sources), int(minutes)) for n, sources, minutes in kept)


def entry_of(policy: Mapping[str, Any] | None, machine_key: str) -> Json | None:
    return next((one for one in machines_in(policy) if _is_of(one, machine_key)), None)


def machines_in(policy: Mapping[str, Any] | None) -> list[Json]:
    properties = (policy or {}).get("properties") or {}
    return list(properties.get("virtualMachines") or [])


def others_in(policy: Mapping[str, Any] | None, machine_key: str) -> dict[str, str]:
    """Digests of all other machines' entries, by their lower-cased ids."""
    return {
        str(one.get("id", "")).lower(): digest(one)
        for one in machines_in(policy)
        if not _is_of(one, machine_key)
    }


def body_for(policy: Mapping[str, Any] | None, machine_id: str, ports: Sequence[Port]) -> Json:
    """The whole policy as it is to be put: everything as it was, known to us or not, but for
    this machine's entry. Without ports the machine is in it no more."""
    found = json.loads(json.dumps(policy or {"kind": "Basic"}))
    properties = found.setdefault("properties", {})
    for name in AZURES_OWN:
        properties.pop(name, None)
    key = machine_id.lower()
    mine = [_entry(entry_of(policy, key), machine_id, ports)] if ports else []
    listed, placed = [], False
    for one in machines_in(found):
        if not _is_of(one, key):
            listed.append(one)
        elif not placed:
            listed, placed = [*listed, *mine], True
    properties["virtualMachines"] = listed if placed else [*listed, *mine]
    return dict(found)


def digest(thing: Any) -> str:
    text = json.dumps(thing, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def without_requests(policy: Mapping[str, Any] | None) -> Json | None:
    """What somebody could have changed: people's requests come and go beside it."""
    if policy is None:
        return None
    kept = {k: v for k, v in policy["properties"].items() if k not in AZURES_OWN}
    return {**policy, "properties": kept}


def _entry(known: Json | None, machine_id: str, ports: Sequence[Port]) -> Json:
    by_number = {one["number"]: one for one in (known or {}).get("ports") or []}
    made = [_port(by_number.get(port[0]), port) for port in ports]
    return {**(known or {"id": machine_id}), "ports": made}


def _port(known: Json | None, port: Port) -> Json:
    """A known one keeps what was not ordered: its protocol, and whatever else it has."""
    number, sources, minutes = port
    mine = {"number": number, "protocol": "*", **(known or {})}
    mine.pop("allowedSourceAddressPrefixes", None)
    mine["allowedSourceAddressPrefix"] = sources[0]
    if known is None or _minutes(known) != minutes:
        mine["maxRequestAccessDuration"] = length(minutes)
    return mine


def _is_of(entry: Mapping[str, Any], machine_key: str) -> bool:
    return str(entry.get("id", "")).lower() == machine_key


def _sources(port: Mapping[str, Any]) -> tuple[str, ...]:
    many = port.get("allowedSourceAddressPrefixes") or []
    return tuple(many) or (port.get("allowedSourceAddressPrefix") or "*",)


def _minutes(port: Mapping[str, Any]) -> int:
    return minutes_of(port.get("maxRequestAccessDuration"))
