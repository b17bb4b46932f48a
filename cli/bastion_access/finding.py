"""What people name: machines, requests, and what was opened for them."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from bastion_access.desk import Desk
from bastion_access.errors import Refused, Wrong
from bastion_access.plain import plain
from bastion_access.portal import Json, Portal

LOOSE = re.compile(r"(?:BA-?)?(\d{1,18})", re.IGNORECASE)
MOST_ALIKE = 25  # machines that are listed when a name is not enough
MOST_GRANTS = 400


def reference_of(typed: str) -> str:
    """``ba-123`` and ``123`` are ``BA-000123``. Raises ``Wrong``."""
    found = LOOSE.fullmatch(typed.strip())
    if found is None:
        raise Wrong(f"“{typed}” is no reference of a request, such as BA-000123.")
    return f"BA-{int(found[1]):06d}"


def is_reference(typed: str) -> bool:
    return bool(re.fullmatch(r"BA-?\d{1,18}", typed.strip(), re.IGNORECASE))


def request_of(portal: Portal, reference: str) -> Json:
    return portal.get(f"requests/{reference}/")


def grants_of(portal: Portal, asked: Json) -> list[Json]:
    """What was opened for a request; those of the request that it lengthens, for more time."""
    reference = asked.get("extends") or asked["reference"]
    rows = portal.rows("grants/", most=MOST_GRANTS, reference=reference)
    found = [grant for grant in rows if grant["reference"] == reference]
    return sorted(found, key=lambda grant: int(grant["id"]))


def machine_named(desk: Desk, typed: str) -> Json:
    """By name, by part of a name that only one has, or by number. Asks which where a person is
    there to ask. Raises ``Wrong``."""
    number = typed.removeprefix("#")
    found = list(desk.portal.rows("machines/", most=MOST_ALIKE, name__icontains=typed))
    same = [row for row in found if str(row["name"]).lower() == typed.lower()]
    same = same or list(desk.portal.rows("machines/", most=MOST_ALIKE, name=typed))
    if not same and number.isdecimal():
        return _by_number(desk.portal, int(number))
    found = same or found
    if not found:
        raise Wrong(f"No machine is called “{typed}”. Look: bastion-access machines TEXT")
    return found[0] if len(found) == 1 else which(desk, found, _machine_words, f"“{typed}”")


def which(desk: Desk, rows: Sequence[Json], words: Callable[[Json], str], what: str) -> Json:
    """One of several. Raises ``Wrong`` with all of them, where nobody can be asked."""
    lines = [f"  {words(row)}" for row in rows]
    more = "\n  …" if len(rows) == MOST_ALIKE else ""
    if not desk.output.asks:
        raise Wrong(
            f"{what} is more than one; name it fully, or by its number:\n" + "\n".join(lines) + more
        )
    numbered = [f"{number:>3}{line}" for number, line in enumerate(lines, 1)]
    desk.output.say(f"{what} is more than one:\n" + "\n".join(numbered) + more)
    answer = desk.output.ask("Which?")
    if not answer.isdecimal() or not 1 <= int(answer) <= len(rows):
        raise Wrong("That is none of them.")
    return rows[int(answer) - 1]


def _by_number(portal: Portal, number: int) -> Json:
    try:
        return portal.get(f"machines/{number}/")
    except Refused as refusal:
        if refusal.kind == "not-found":
            raise Wrong(f"No machine has the number {number}.") from refusal
        raise


def _machine_words(machine: Json) -> str:
    """``#12  vm-lab-01  rg-lab, westeurope``."""
    where: list[Any] = [machine.get("resource_group"), machine.get("region")]
    shown = ", ".join(plain(each) for each in where if each)
    return f"#{machine['id']}  {plain(machine['name'])}  {shown}"
