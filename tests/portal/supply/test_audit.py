"""An audit that asked nobody must not look like one that found nothing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from supply import audit

WEAK = {"id": "PYSEC-2021-66", "fix_versions": ["2.11.3"], "aliases": [], "description": ""}


def row(name: str, version: str = "1", *, weak: bool = False) -> dict[str, Any]:
    return {"name": name, "version": version, "vulns": [WEAK] if weak else []}


class Answers:
    """pip-audit's answers, by its source and by what it is asked about."""

    def __init__(self, **sources: Any) -> None:
        self.sources, self.asked = sources, list[tuple[str, str]]()

    def __call__(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        source = command[command.index("--vulnerability-service") + 1]
        file = Path(command[command.index("--requirement") + 1]).name
        self.asked.append((source, file))
        probe, lock = self.sources[source]
        rows = probe if file == "probe.txt" else lock
        told = rows if isinstance(rows, str) else json.dumps({"dependencies": rows, "fixes": []})
        return subprocess.CompletedProcess(command, 0, told, "")


KNOWS = [row("jinja2", "2.11.2", weak=True)]
KNOWS_NOTHING = [row("jinja2", "2.11.2")]
NOT_FOUND = [{"name": "jinja2", "skip_reason": "Dependency not found on PyPI"}]


def told(monkeypatch: pytest.MonkeyPatch, answers: Answers) -> int:
    monkeypatch.setattr(audit.subprocess, "run", answers)
    return audit.main()


def test_weaknesses_are_listed_and_are_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [row("django", "5.2"), row("jinja2", "2.11.2", weak=True)]
    assert told(monkeypatch, Answers(pypi=(KNOWS, found))) == audit.WEAK
    out = capsys.readouterr().out
    assert "jinja2 2.11.2: PYSEC-2021-66, fixed in 2.11.3" in out
    assert "2 packages audited with pypi, weaknesses: 1" in out


def test_nothing_known_counts_only_from_a_source_that_knows_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = Answers(pypi=(KNOWS_NOTHING, []), osv=(KNOWS, [row("django")]))
    assert told(monkeypatch, answers) == audit.CLEAN
    assert answers.asked[-1] == ("osv", "requirements.txt")


@pytest.mark.parametrize("silent", [KNOWS_NOTHING, NOT_FOUND, "", "Traceback", [], "{}"])
def test_without_a_source_that_knows_anything_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], silent: Any
) -> None:
    answers = Answers(pypi=(silent, [row("django")]), osv=(silent, [row("django")]))
    assert told(monkeypatch, answers) == audit.NOT_AUDITED
    assert capsys.readouterr().out.startswith("could not be audited: pypi: ")
    assert {file for _, file in answers.asked} == {"probe.txt"}


def test_half_an_audit_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    half = [row("django"), {"name": "celery", "skip_reason": "Dependency not found on PyPI"}]
    assert told(monkeypatch, Answers(pypi=(KNOWS, half))) == audit.NOT_AUDITED


def test_a_source_that_takes_for_ever_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def for_ever(command: list[str], **_: Any) -> Any:
        raise subprocess.TimeoutExpired(command, 300)

    monkeypatch.setattr(audit.subprocess, "run", for_ever)
    assert audit.main() == audit.NOT_AUDITED
