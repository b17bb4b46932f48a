"""The matrix as text that people read and compare: docs/matrix.txt."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.portal.matrix.walk import Cells
from tests.portal.matrix.world import Visitor

FILE = Path(__file__).parents[3] / "docs/matrix.txt"
WIDTH = 6
HEAD = """\
Who gets what: every address, by every method, as every kind of visitor. Measured, not written by
hand: see docs/permissions.md for how, and for the table of roles that it follows from.

  200    a page or an answer          in   led to the sign-in      404  does not exist for them
  302/3  led on, as after an act      401  who are you?            405  not by this method
  403    refused                      400  makes no sense          409  not in this state
  +      it was done: the ledger has it    !  it was refused: the ledger has it

"""


def written(cells: Cells, came: list[Visitor]) -> str:
    """One line for each address and method; methods that are answered alike share one."""
    names = [visitor.name for visitor in came]
    methods = max(len(line) for line in _labels(cells))
    lines = [HEAD.rstrip("\n"), ""]
    lines += [f"  {visitor.name:<12}{visitor.means}" for visitor in came]
    lines += ["", *_header(names, methods)]
    for route in dict.fromkeys(route for route, _ in cells):
        lines += ["", route, *_lines(cells, route, names, methods)]
    return "\n".join(lines) + "\n"


def _header(names: list[str], methods: int) -> list[str]:
    """Two rows: no name is wider than a column but for those of two words."""
    first, second = [], []
    for name in names:
        words = name.split()
        first.append(words[0][: WIDTH + 4])
        second.append(words[1] if len(words) > 1 else "")
    return [_line("", _cut(first), methods), _line("", _cut(second), methods)]


def _cut(words: Iterable[str]) -> list[str]:
    return [word if len(word) < WIDTH else word[: WIDTH - 2] + "." for word in words]


def _labels(cells: Cells) -> list[str]:
    return [
        label
        for route in dict.fromkeys(route for route, _ in cells)
        for label in _alike(cells, route).values()
    ]


def _alike(cells: Cells, route: str) -> dict[tuple[str, ...], str]:
    """Cells of a line, to the methods that have them."""
    found: dict[tuple[str, ...], str] = {}
    for (one, method), row in cells.items():
        if one == route:
            key = tuple(row.values())
            found[key] = f"{found[key]} {method}" if key in found else method
    return found


def _lines(cells: Cells, route: str, names: list[str], methods: int) -> list[str]:
    return [_line(label, row, methods) for row, label in _alike(cells, route).items()]


def _line(label: str, row: Iterable[str], methods: int) -> str:
    return f"  {label:<{methods}}  {''.join(f'{cell:<{WIDTH}}' for cell in row)}".rstrip()


def routes_in(text: str) -> set[str]:
    return {line for line in text.splitlines() if line.startswith("/")}
