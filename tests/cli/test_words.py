"""Words: what others wrote cannot move the cursor; lengths and moments; colours; help."""

from __future__ import annotations

import io
import json
import re
import shlex
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from access.models import AccessRequest, Machine, Person
from bastion_access import output, times
from bastion_access.app import app
from bastion_access.errors import Exit, Wrong
from bastion_access.plain import paragraph, plain, text
from tests.cli.conftest import ROOT, Terminal
from tests.support.cast import Cast, ask
from tests.support.estate import machine

Sits = Callable[[Person], Terminal]
HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202egnp\u2066 [red]x[/red] [link=http://a]y[/link]\x9b31m\r"
assert len(HOSTILE) <= 64  # as long as an owner may be


class TestPlain:
    """X-60: ANSI, right-to-left marks and line ends of others are seen, not obeyed."""

    @pytest.mark.parametrize(
        ("raw", "shown"),
        [
            ("vm-1", "vm-1"),
            ("Zoë Ünal 李", "Zoë Ünal 李"),
            ("x\u200cy\u200dz", "x\u200cy\u200dz"),
            ("a\x1b[31mb", "a\\x1b[31mb"),
            ("a\nb\tc", "a\\x0ab\\x09c"),
            ("a\x9bb", "a\\x9bb"),
            ("a\u202eb\u2066", "a\\u202eb\\u2066"),
            ("a\u2028b", "a\\u2028b"),
            ("\U000e0041", "\\ue0041"),
            ("\ud800", "\\ud800"),
        ],
    )
    def test_one_line(self, raw: str, shown: str) -> None:
        assert plain(raw) == shown

    def test_lines_stay_lines_and_nothing_is_endless(self) -> None:
        assert paragraph("a\r\nb\rc") == "a\nb\\x0dc"
        assert len(plain("x" * 1_000_000)) < 5000

    def test_markup_is_none(self) -> None:
        console = Console(file=io.StringIO(), force_terminal=True)
        console.print(text("[red]x[/red]"))
        assert "[red]x[/red]" in console.file.getvalue()  # type: ignore[attr-defined]

    @pytest.mark.parametrize("words", [("machines",), ("list",), ("show", "1"), ("open-now",)])
    def test_on_every_list(self, words: tuple[str, ...], people: Cast, sits: Sits) -> None:
        asked = ask(machine(), by=people.alice)
        Machine.objects.update(name=HOSTILE, owner=HOSTILE)
        Person.objects.filter(pk=people.alice.pk).update(display_name=HOSTILE)
        AccessRequest.objects.filter(pk=asked.pk).update(reason=HOSTILE)
        words = tuple(asked.reference if word == "1" else word for word in words)
        terminal = sits(people.alice)
        raw = terminal.run(*words)
        assert raw.exit_code == 0, raw.output
        as_json = terminal.run(*words, "--json")
        for shown in (raw.output, as_json.output):
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
        json.loads(as_json.stdout)


class TestTimes:
    @pytest.mark.parametrize(
        ("typed", "minutes"),
        [
            ("30m", 30),
            ("30", 30),
            ("1h30m", 90),
            ("1h 30m", 90),
            ("2h", 120),
            ("1d", 1440),
            ("120s", 2),
        ],
    )
    def test_lengths(self, typed: str, minutes: int) -> None:
        assert times.minutes_of(typed) == minutes

    @pytest.mark.parametrize("typed", ["", "0", "0m", "-5", "soon", "1.5h", "90s", "m", "9" * 30])
    def test_what_is_no_length(self, typed: str) -> None:
        with pytest.raises(Wrong):
            times.minutes_of(typed)

    def test_starts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        now = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)  # 13:00 in Berlin
        try:
            assert times.start_of("now", now) is None
            assert times.start_of("+2h", now) == datetime(2026, 11, 25, 14, 0, tzinfo=UTC)
            assert times.start_of("14:00", now) == datetime(2026, 11, 25, 13, 0, tzinfo=UTC)
            assert times.start_of("9:30", now) == datetime(2026, 11, 26, 8, 30, tzinfo=UTC)
            wall = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
            assert times.start_of("2026-07-01T10:00", now) == wall
            assert times.start_of("2026-07-01T10:00+02:00", now) == wall
            before = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)  # the clocks change that night
            assert times.start_of("9:00", before) == datetime(2026, 10, 25, 8, 0, tzinfo=UTC)
        finally:
            monkeypatch.undo()
            time.tzset()

    def test_as_they_are_read(self) -> None:
        assert times.length(90) == "1 h 30 min"
        assert times.clock("nonsense") == times.clock(None) == ""
        now = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
        assert times.left_until("2026-11-25T12:23:59Z", now) == "23 min left"
        assert times.left_until("2026-11-25T11:00:00Z", now) == ""


class TestColours:
    @pytest.mark.parametrize("width", [80, 120])
    def test_fit_and_can_be_turned_off(self, width: int) -> None:
        rows = [["BA-000001", output.state("pending"), "vm-" + "x" * 70, "SSH"]]
        shown = output.table(["Request", "State", "Machine", "Way"], rows)
        for no_color in (False, True):
            file = io.StringIO()
            console = Console(file=file, force_terminal=True, width=width, no_color=no_color,
                              color_system="standard")  # fmt: skip
            console.print(shown)
            assert ("\x1b[33m" in file.getvalue()) is not no_color
            lines = re.sub(r"\x1b\[[0-9;]*m", "", file.getvalue()).splitlines()
            assert max(map(len, lines)) <= width

    def test_a_pipe_gets_none_and_whole_lines(self, people: Cast, vm: Machine, sits: Sits) -> None:
        asked = ask(vm, by=people.alice)
        row = next(r for r in sits(people.alice).ok("list").splitlines() if asked.reference in r)
        assert "\x1b" not in row
        assert "vm-app-01" in row


class TestShape:
    """Scripts count on these."""

    def test_exit_statuses_are_documented(self) -> None:
        manual = (ROOT / "cli" / "README.md").read_text()
        for status in Exit:
            assert f"| {status.value} |" in manual

    def test_every_command_is_documented_and_takes_json(self) -> None:
        manual = (ROOT / "cli" / "README.md").read_text()
        names = [each.name for each in app.registered_commands]
        assert len(names) == 17
        for name in names:
            assert f"`{name}" in manual
            told = Terminal("").run(str(name), "--help")
            assert "--json" in told.stdout

    def test_the_options_stand_before_and_after(
        self, people: Cast, vm: Machine, sits: Sits
    ) -> None:
        terminal = sits(people.alice)
        before = json.loads(terminal.ok("--json", "--portal", terminal.url, "machines"))
        assert before == json.loads(terminal.ok("machines", "--json", "--portal", terminal.url))
        assert set(before["results"][0]) >= {"id", "name", "os", "environment", "offers"}

    def test_quiet(self, people: Cast, vm: Machine, sits: Sits) -> None:
        result = sits(people.alice).run("request", "vm-app-01", "--reason", "x", "-q", "--yes")
        assert result.stderr == ""
        assert "BA-" in result.stdout

    def test_without_a_portal(self, home: Path) -> None:
        result = Terminal("").run("list")
        assert result.exit_code == 2
        assert "sign-in" in result.stderr
        assert Terminal("").run("list", "--portal", "http://127.0.0.1:9").exit_code == 3
        assert Terminal("").run("list", "--portal", "http://evil.test").exit_code == 2


def test_the_readme_shows_commands_that_there_are() -> None:
    """Each line of the walk is understood, with all of its options."""
    shown = (ROOT / "README.md").read_text()
    lines = re.findall(r"^    \$ bastion-access (.+)$", shown, re.MULTILINE)
    assert len(lines) >= 5
    for line in lines:
        name, *words = shlex.split(line)
        told = Terminal("").run(name, "--help").stdout
        assert all(word in told for word in words if word.startswith("--")), line
