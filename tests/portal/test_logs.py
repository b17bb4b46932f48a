"""One event is one line, whatever it says."""

from __future__ import annotations

import logging

from portal.logs import OneLine


def formatted(text: str) -> str:
    return OneLine().format(logging.LogRecord("access", logging.INFO, "", 1, text, None, None))


def test_a_reason_with_a_line_break_cannot_forge_a_second_event() -> None:
    """X-60"""
    line = formatted("asked for: x\n2026-01-01T00:00:00Z INFO access approved by bob")
    assert len(line.splitlines()) == 1
    assert "\\n2026" in line


def test_terminal_codes_and_tricks_of_direction_are_written_out() -> None:
    line = formatted("a\x1b[31mred\u202egnp.exe\u2028next")
    assert "\x1b" not in line
    assert "\u202e" not in line
    assert len(line.splitlines()) == 1
