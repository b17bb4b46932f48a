"""Writing down which ports the JIT policies guard."""

from collections.abc import Mapping, Sequence
from typing import Any

import isodate
from django.db.models import F

from access.inventory import ABSENCES, gate_for, missing_too_many
from access.models import Gate, Machine
from jit.models import JitPort

Port = tuple[int, Sequence[str], int]  # number, sources, longest window in minutes
DEFAULT_MINUTES = 180  # what Defender for Cloud proposes where a policy says nothing readable


def store_policy(policy: Any, machines: Mapping[str, Machine], *, seen_in: int) -> int:
    """``policy`` as the SDK returns it, ``machines`` by resource key. Returns how many ports."""
    gate = gate_for(kind="window", resource_id=policy.id, name=_gate_name(policy.id))
    rows = {
        (machine.pk, port.number): _row(machine, gate, port, seen_in)
        for entry in policy.virtual_machines or []
        if (machine := machines.get(entry.id.lower())) is not None
        for port in entry.ports or []
    }
    JitPort.objects.bulk_create(
        rows.values(),
        update_conflicts=True,
        unique_fields=["machine", "number"],
        update_fields=["gate", "source_prefixes", "max_minutes", "seen_in", "absences"],
    )
    return len(rows)


def store_machine(gate: Gate, machine: Machine, ports: Sequence[Port]) -> None:
    """How a machine stands in a policy that was just read. Said by the policy itself, so what it
    does not list is gone at once."""
    mine = JitPort.objects.filter(machine=machine, gate=gate)
    mine.exclude(number__in=[number for number, _, _ in ports]).delete()
    for number, sources, minutes in ports:
        facts = {
            "gate": gate,
            "source_prefixes": list(sources),
            "max_minutes": minutes,
            "absences": 0,
        }
        JitPort.objects.update_or_create(machine=machine, number=number, defaults=facts)


def settle_absences(seen_in: int) -> None:
    """After a complete reading. A port that no policy lists any more cannot be asked for; like
    machines, it goes only when two readings lacked it. Grants are not touched."""
    absent = JitPort.objects.filter(seen_in__lt=seen_in)
    if missing_too_many(absent.count(), JitPort.objects.count()):
        return
    absent.update(absences=F("absences") + 1)
    absent.filter(absences__gte=ABSENCES).delete()


def _row(machine: Machine, gate: Gate, port: Any, seen_in: int) -> JitPort:
    return JitPort(
        machine=machine,
        gate=gate,
        number=port.number,
        source_prefixes=_prefixes(port),
        max_minutes=minutes_of(port.max_request_access_duration),
        seen_in=seen_in,
        absences=0,
    )


def _prefixes(port: Any) -> list[str]:
    many = list(port.allowed_source_address_prefixes or [])
    return many or [port.allowed_source_address_prefix or "*"]


def minutes_of(duration: str | None) -> int:
    """``PT3H`` and the like. A "3:00:00" that a faulty client once wrote is not ISO 8601."""
    try:
        return int(isodate.parse_duration(duration or "").total_seconds() // 60)
    except (isodate.ISO8601Error, TypeError):
        return DEFAULT_MINUTES


def _gate_name(policy_id: str) -> str:
    words = policy_id.split("/")
    return f"{words[4]}/{words[-1]}"
