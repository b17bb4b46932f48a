"""Two texts beside each other, line by line, as a page shows them."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

CONTEXT = 3  # lines around a change
MOST_LINES = 5000  # more are not compared on a page
MOST_ROWS = 2000  # that a page shows
MOST_CHARACTERS = 400  # of a line whose words are compared
SAME, CHANGED, ADDED, REMOVED, SKIPPED = "same", "changed", "added", "removed", "skipped"


@dataclass(frozen=True)
class Piece:
    """A part of a line; ``marked`` where the two lines differ."""

    text: str
    marked: bool


@dataclass(frozen=True)
class Row:
    """One line of either side; a number of ``None`` where that side has no such line."""

    kind: str
    old_number: int | None = None
    old: tuple[Piece, ...] = ()
    new_number: int | None = None
    new: tuple[Piece, ...] = ()
    skipped: int = 0  # unchanged lines that are left out here

    @property
    def takes(self) -> bool:
        """Something of the old side is gone."""
        return self.kind in (CHANGED, REMOVED)

    @property
    def gives(self) -> bool:
        return self.kind in (CHANGED, ADDED)


def beside(old: str, new: str) -> list[Row]:
    """Empty when they are equal. Raises ``ValueError`` when they are too long to compare here."""
    before, after = old.splitlines(), new.splitlines()
    if max(len(before), len(after)) > MOST_LINES:
        raise ValueError("These texts are too long to compare on a page.")
    matcher = difflib.SequenceMatcher(None, before, after)  # its shortcuts keep it from quadratic
    rows: list[Row] = []
    reached = 0
    for group in matcher.get_grouped_opcodes(CONTEXT):
        rows += _gap(group[0][1] - reached)
        for tag, i1, i2, j1, j2 in group:
            rows += _rows(tag, before[i1:i2], after[j1:j2], i1, j1)
        reached = group[-1][2]
    return rows + _gap(len(before) - reached) if rows else []


def _gap(lines: int) -> list[Row]:
    return [Row(SKIPPED, skipped=lines)] if lines > 0 else []


def _rows(tag: str, old: list[str], new: list[str], i: int, j: int) -> Iterator[Row]:
    if tag == "equal":
        for n, line in enumerate(old):
            same = (Piece(line, marked=False),)
            yield Row(SAME, i + n + 1, same, j + n + 1, same)
        return
    pairs = min(len(old), len(new))
    for n in range(pairs):
        left, right = _pieces(old[n], new[n])
        yield Row(CHANGED, i + n + 1, left, j + n + 1, right)
    for n, line in enumerate(old[pairs:], pairs):
        yield Row(REMOVED, old_number=i + n + 1, old=(Piece(line, marked=False),))
    for n, line in enumerate(new[pairs:], pairs):
        yield Row(ADDED, new_number=j + n + 1, new=(Piece(line, marked=False),))


def _pieces(old: str, new: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Word by word, unless hardly anything is common to both."""
    whole = (Piece(old, marked=False),), (Piece(new, marked=False),)
    if max(len(old), len(new)) > MOST_CHARACTERS:
        return whole
    before, after = re.findall(r"\w+|\W", old), re.findall(r"\w+|\W", new)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    if matcher.ratio() < 0.5:  # noqa: PLR2004 - half of the words
        return whole
    left, right = [], []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        left.append(Piece("".join(before[i1:i2]), marked=tag != "equal"))
        right.append(Piece("".join(after[j1:j2]), marked=tag != "equal"))
    return tuple(p for p in left if p.text), tuple(p for p in right if p.text)
