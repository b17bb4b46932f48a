"""Two texts beside each other: every line once, and never longer than a page can wait."""

from __future__ import annotations

import time

import pytest

from access.presenters.differences import MOST_LINES, Row, beside

OLD = "\n".join(f"line {number}" for number in range(1, 21))


def text(row: Row, side: str) -> str:
    return "".join(piece.text for piece in getattr(row, side))


def test_equal_texts_have_no_difference():
    assert beside(OLD, OLD) == []
    assert beside("", "") == []


def test_a_changed_line_stands_beside_what_it_was_with_three_around():
    rows = beside(OLD, OLD.replace("line 10\n", "line ten\n"))
    kinds = [row.kind for row in rows]
    assert kinds == ["skipped", *["same"] * 3, "changed", *["same"] * 3, "skipped"]
    (changed,) = [row for row in rows if row.kind == "changed"]
    assert (changed.old_number, changed.new_number) == (10, 10)
    assert [piece.text for piece in changed.old if piece.marked] == ["10"]
    assert [piece.text for piece in changed.new if piece.marked] == ["ten"]
    assert [row.skipped for row in rows if row.kind == "skipped"] == [6, 7]


def test_added_and_removed_lines_have_one_side_only():
    rows = beside("a\nb\n", "a\nb\nc\n")
    assert [(row.kind, row.old_number, row.new_number) for row in rows][-1] == ("added", None, 3)
    rows = beside("a\nb\nc\n", "a\nc\n")
    (gone,) = [row for row in rows if row.takes]
    assert (gone.kind, gone.new_number, text(gone, "old")) == ("removed", None, "b")


def test_what_has_hardly_a_word_in_common_is_not_marked_word_by_word():
    (row,) = beside("one two three", "completely something else here")
    assert not any(piece.marked for piece in (*row.old, *row.new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("same\n" * MOST_LINES, "same\nother\n" * (MOST_LINES // 2)),
        (
            "\n".join(f"x {n}\nsame" for n in range(1600)),
            "\n".join(f"y {n}\nsame" for n in range(1600)),
        ),
        ("a b " * 40_000, "a c " * 40_000),
    ],
)
def test_no_text_keeps_the_page_waiting(old: str, new: str):
    began = time.monotonic()
    assert beside(old, new)
    assert time.monotonic() - began < 5


def test_more_lines_than_a_page_bears_are_refused():
    with pytest.raises(ValueError, match="too long"):
        beside("x\n" * (MOST_LINES + 1), "y")
