"""Writing down which ports the JIT policies guard."""

from collections.abc import Iterable, Mapping
from typing import Any

import isodate

from access.estate import gate_for
from access.models import Gate, Machine
from jit.models import JitPort

DEFAULT_MINUTES = 180  # what Defender for Cloud proposes where a policy says nothing readable


def store_policies(policies: Iterable[Any], machines: Mapping[str, Machine]) -> int:
    """``policies`` as the SDK returns them. Returns how many ports are guarded.

    A port that a policy no longer lists cannot be asked for any more; grants are not touched.
    """
    kept: list[int] = []
    for policy in policies:
        gate = gate_for(kind="window", resource_id=policy.id, name=_gate_name(policy.id))
        for entry in policy.virtual_machines or []:
            machine = machines.get(entry.id.lower())
            if machine is not None:
                kept += [_store(machine, gate, port) for port in entry.ports or []]
    JitPort.objects.filter(machine__in=machines.values()).exclude(pk__in=kept).delete()
    return len(kept)


def _store(machine: Machine, gate: Gate, port: Any) -> int:
    row, _ = JitPort.objects.update_or_create(
        machine=machine,
        number=port.number,
        defaults={
            "gate": gate,
            "source_prefixes": _prefixes(port),
            "max_minutes": _minutes(port.max_request_access_duration),
        },
    )
    return row.pk


def _prefixes(port: Any) -> list[str]:
    many = list(port.allowed_source_address_prefixes or [])
    return many or [port.allowed_source_address_prefix or "*"]


def _minutes(duration: str | None) -> int:
    """``PT3H`` and the like. A "3:00:00" that a faulty client once wrote is not ISO 8601."""
    try:
        return int(isodate.parse_duration(duration or "").total_seconds() // 60)
    except (isodate.ISO8601Error, TypeError):
        return DEFAULT_MINUTES


def _gate_name(policy_id: str) -> str:
    words = policy_id.split("/")
    return f"{words[4]}/{words[-1]}"
