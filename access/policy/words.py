"""The table of permissions as people read it: docs/permissions.md holds it word for word."""

from collections.abc import Iterator

from access.models import Role
from access.policy.table import PROGRAMS_HOLD, TABLE, Act, Guests, Power, Programs

YES, NO = "yes", "no"
TOKENS = {"read": "`read`", "request": "`request`", None: NO}
GUESTS = {Guests.MAY: YES, Guests.MAY_IF_SET: "if allowed", Guests.MAY_NOT: NO}


def markdown() -> str:
    """One row for each power, one column for each role, then guests, programs and tokens."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    heads = ["Power", *(role.label for role in Role), "Guests", "Programs", "By token"]
    yield _row(heads)
    yield _row(["---", *[":-:"] * (len(heads) - 1)])
    for act in Act:
        yield _row([str(act.label), *_cells(TABLE[act])])


def _cells(power: Power) -> Iterator[str]:
    for role in Role:
        yield YES if role in power.roles else NO
    yield GUESTS[power.guests]
    yield _programs(power)
    yield TOKENS[power.by_token]


def _programs(power: Power) -> str:
    """Only by roles that a program can have at all."""
    if power.programs is Programs.MAY_NOT:
        return NO
    return " or ".join(role.label for role in Role if role in power.roles & PROGRAMS_HOLD)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
