"""Writing down which ports the JIT policies guard."""

from collections.abc import Mapping
from typing import Any

import isodate
from django.db.models import F

from access.inventory import ABSENCES, gate_for, missing_too_many
from access.models import Gate, Machine
from jit.models import JitPort

DEFAULT_MINUTES = 180  # what Defender for Cloud proposes where a policy says nothing readable


def store_policy(policy: Any, machines: Mapping[str, Machine], *, seen_in: int) -> int:
    """``policy`` as the SDK returns it, ``machines`` by resource key. Returns how many ports."""
    gate = gate_for(kind="window", resource_id=policy.id, name=_gate_name(policy.id))
    stored = 0
    for entry in policy.virtual_machines or []:
        machine = machines.get(entry.id.lower())
        if machine is not None:
            stored += sum(_store(machine, gate, port, seen_in) for port in entry.ports or [])
    return stored


def settle_absences(seen_in: int) -> None:
    """After a complete reading. A port that no policy lists any more cannot be asked for; like
    machines, it goes only when two readings lacked it. Grants are not touched."""
    absent = JitPort.objects.filter(seen_in__lt=seen_in)
    if missing_too_many(absent.count(), JitPort.objects.count()):
        return
    absent.update(absences=F("absences") + 1)
    absent.filter(absences__gte=ABSENCES).delete()


def _store(machine: Machine, gate: Gate, port: Any, seen_in: int) -> int:
    facts = {
        "gate": gate,
        "source_prefixes": _prefixes(port),
        "max_minutes": _minutes(port.max_request_access_duration),
        "seen_in": seen_in,
        "absences": 0,
    }
    JitPort.objects.update_or_create(machine=machine, number=port.number, defaults=facts)
    return 1


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
