"""As it is installed: the wheel, the program, its completion."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from access.models import Machine, Person
from bastion_access import __version__, keeping
from tests.cli.conftest import ROOT, Terminal
from tests.support.cast import Cast, ask

Sits = Callable[[Person], Terminal]


def run(*words: str | Path, **env: str) -> str:
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=90, check=False,
        env={**os.environ, **env},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_wheel_can_be_built_and_installed(tmp_path: Path) -> None:
    """As pipx does it: a wheel, an environment of its own, a program on the path. What it depends
    on is lent from here, so that no network is needed."""
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
    build = ("--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", tmp_path)
    run(*pip, "wheel", *build, ROOT / "cli")
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == f"bastion_access-{__version__}-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "bastion_access", f"bastion_access-{__version__}.dist-info",
    }  # fmt: skip
    venv = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv)
    lib = next((venv / "lib").iterdir()) / "site-packages"
    run(*pip, "--python", venv / "bin" / "python", "install", "--no-deps", "--no-index", wheel)
    (lib / "lent.pth").write_text(
        f"{Path(sys.executable).parent.parent / 'lib' / lib.parent.name / 'site-packages'}\n"
    )
    program = venv / "bin" / "bastion-access"
    assert run(program, "--version").strip() == f"bastion-access {__version__}"
    assert "Usage" in run(program, "request", "--help")


class TestCompletion:
    @pytest.fixture
    def complete(self, tmp_path: Path) -> Callable[[str], list[str]]:
        """What bash would offer for a line that was begun."""
        program = tmp_path / "bastion-access"
        program.write_text("from bastion_access.app import main\nmain()\n")

        def offered(line: str) -> list[str]:
            told = run(
                sys.executable,
                program,
                PYTHONPATH=str(ROOT / "cli"),
                _BASTION_ACCESS_COMPLETE="complete_bash",
                COMP_WORDS=line,
                COMP_CWORD=str(line.count(" ")),
            )
            return told.split()

        return offered

    def test_commands(self, complete: Callable[[str], list[str]]) -> None:
        assert complete("bastion-access sign") == ["sign-in", "sign-out"]

    def test_machines_and_references(
        self, people: Cast, vm: Machine, sits: Sits, complete: Callable[[str], list[str]]
    ) -> None:
        asked = ask(vm, by=people.alice)
        sits(people.alice)
        assert complete("bastion-access request vm-a") == ["vm-app-01"]
        assert complete("bastion-access wait BA-") == [asked.reference]
        assert complete("bastion-access connect vm-") == ["vm-app-01"]

    def test_is_remembered_for_a_moment(
        self, people: Cast, vm: Machine, sits: Sits, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from bastion_access import completing

        sits(people.alice)
        monkeypatch.setattr(completing, "FRESH", 600)
        assert completing.machines_like("VM-") == [("vm-app-01", "staging")]
        Machine.objects.update(name="vm-renamed")
        assert completing.targets_like("vm-") == [("vm-app-01", "staging")]
        monkeypatch.setattr(completing, "FRESH", 0)
        assert completing.targets_like("vm-") == [("vm-renamed", "staging")]

    def test_nothing_that_a_shell_would_run(
        self, people: Cast, vm: Machine, sits: Sits, complete: Callable[[str], list[str]]
    ) -> None:
        """X-60."""
        Machine.objects.update(name="vm-$(reboot)")
        sits(people.alice)
        assert complete("bastion-access request vm-") == []

    def test_signed_out_nothing_is_offered_and_nothing_said(
        self, people: Cast, vm: Machine, sits: Sits, complete: Callable[[str], list[str]]
    ) -> None:
        terminal = sits(people.alice)
        assert complete("bastion-access request vm-") == ["vm-app-01"]
        keeping.forget(terminal.url)
        assert complete("bastion-access request vm-") == []

    def test_it_can_be_installed(self, home: Path) -> None:
        told = run(
            sys.executable, "-m", "bastion_access", "--show-completion", "bash",
            PYTHONPATH=str(ROOT / "cli"), _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1",
        )  # fmt: skip
        assert "complete" in told
