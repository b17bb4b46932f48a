"""The names of our rules, by which they are found again, whoever looks for them.

A name belongs to one machine and port of one portal for ever: writing it twice leaves one rule.
"""

import hashlib
import re

from access.models import Machine

MARK = re.compile(r"BastionAccess-(\d{1,18})-(\d{1,5})-([0-9a-f]{8})", re.IGNORECASE)


def rule_name(machine: Machine, port: int) -> str:
    """Two portals may number their machines alike; the ids of what they registered differ."""
    apart = hashlib.sha256(machine.resource_key.encode()).hexdigest()[:8]
    return f"BastionAccess-{machine.pk}-{port}-{apart}"


def is_marked(name: str) -> bool:
    """Of this portal or another one."""
    return MARK.fullmatch(name) is not None


def told_by(name: str) -> tuple[int, int] | None:
    """(id of the machine, port), to be believed only if ``rule_name`` gives the same name."""
    found = MARK.fullmatch(name)
    return (int(found[1]), int(found[2])) if found else None
