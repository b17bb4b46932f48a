"""Connecting: the one program that is run, with known options, and nothing of it left behind."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from access.models import EndOrder, Grant, Machine, Person
from bastion_access import az as client
from bastion_access import keeping
from bastion_access.errors import CliError
from bastion_access.portal import Portal
from tests.cli.conftest import ROOT, Az, Terminal, set_open
from tests.support.cast import Cast, approved

Sits = Callable[[Person], Terminal]
SSH = [
    "az", "network", "bastion", "ssh", "--subscription", "11111111-1111-1111-1111-111111111111",
    "--name", "bastion-hub", "--resource-group", "rg-hub", "--target-resource-id",
    "/subscriptions/1/resourceGroups/rg_(ä)/providers/Microsoft.Compute/virtualMachines/vm",
]  # fmt: skip


@pytest.fixture
def opened(people: Cast, vm: Machine) -> Grant:
    return set_open(approved(vm, by=people.alice, approver=people.bob))


class TestConnect:
    def test_runs_az_as_the_portal_says(
        self, people: Cast, opened: Grant, sits: Sits, az: Az
    ) -> None:
        terminal = sits(people.alice)
        reference = opened.access_request.reference
        ways = terminal.json("connect", reference)
        assert set(ways) == {"reference", "grant", "ready", "why", "ends_at", "commands"}
        assert az.calls == []
        result = terminal.run("connect", reference)
        assert result.exit_code == 0, result.output
        (call,) = az.calls
        assert ["az", *call["argv"]] == ways["commands"][0]["argv"]
        assert call["pgid"] == call["pid"]

    def test_by_machine_with_another_way(
        self, people: Cast, opened: Grant, sits: Sits, az: Az, home: Path
    ) -> None:
        terminal = sits(people.alice)
        terminal.run("connect", "vm-app-01", "--with", "key", "--user", "al.ice")
        argv = az.calls[0]["argv"]
        assert argv[argv.index("--username") + 1] == "al.ice"
        assert argv[argv.index("--ssh-key") + 1] == f"{home}/.ssh/id_ed25519"
        terminal.run("connect", "app", "--tunnel", "--local-port", "50022")
        argv = az.calls[1]["argv"]
        assert argv[2] == "tunnel"
        assert argv[argv.index("--port") + 1] == "50022"
        assert terminal.run("connect", "vm-app-01", "--with", "carrier pigeon").exit_code == 2

    def test_only_prints(self, people: Cast, opened: Grant, sits: Sits, az: Az) -> None:
        line = sits(people.alice).ok("connect", "vm-app-01", "--print", "--with", "key")
        assert line.startswith("az network bastion ssh --subscription")
        assert line.rstrip().endswith("--ssh-key ~/.ssh/id_ed25519")
        assert line.count("\n") == 1
        assert az.calls == []

    def test_ends_as_az_does(self, people: Cast, opened: Grant, sits: Sits, az: Az) -> None:
        assert sits(people.alice).run("connect", "vm-app-01", AZ_STATUS="23").exit_code == 23
        assert not EndOrder.objects.exists()

    def test_ends_the_access_afterwards(
        self, people: Cast, opened: Grant, sits: Sits, az: Az
    ) -> None:
        assert sits(people.alice).run("connect", "vm-app-01", "--end").exit_code == 0
        assert EndOrder.objects.get().grant == opened

    def test_without_az_it_says_how_to_get_it(
        self, people: Cast, opened: Grant, sits: Sits, tmp_path: Path
    ) -> None:
        result = sits(people.alice).run("connect", "vm-app-01", PATH=str(tmp_path))
        assert result.exit_code == 7
        assert "install-azure-cli" in "".join(result.stderr.split())

    def test_nobody_elses(self, people: Cast, opened: Grant, sits: Sits, az: Az) -> None:
        """Bob approved it and may see it, but it was not given to him."""
        result = sits(people.bob).run("connect", opened.access_request.reference)
        assert result.exit_code == 1
        assert sits(people.charlie).run("connect", "vm-app-01").exit_code == 2
        assert az.calls == []

    def test_not_yet_and_no_longer(self, people: Cast, vm: Machine, sits: Sits, az: Az) -> None:
        grant = approved(vm, by=people.alice, approver=people.bob)
        terminal = sits(people.alice)
        result = terminal.run("connect", grant.access_request.reference)
        assert (result.exit_code, "--wait" in result.stderr) == (1, True)
        waited = terminal.run("connect", "vm-app-01", "--wait", "--timeout", "1s")
        assert waited.exit_code == 4

    def test_is_ended_when_the_access_is_closed(
        self, people: Cast, opened: Grant, sits: Sits, az: Az, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """At the end it asks the portal, and believes only that it is closed."""
        from datetime import timedelta

        from bastion_access.commands import connecting

        get, states = Portal.get, iter(["closing", "open", "closing", "closed"])

        def as_time_goes_by(self: Portal, path: str, **query: Any) -> Any:
            told = get(self, path, **query)
            if path == f"grants/{opened.pk}/":
                told |= {"state": next(states)}
            elif path == "grants/":
                told["results"][0]["ends_at"] = "2020-01-01T00:00:00Z"
            if "ends_at" in told:
                told["ends_at"] = "2020-01-01T00:00:00Z"
            return told

        monkeypatch.setattr(Portal, "get", as_time_goes_by)
        monkeypatch.setattr(connecting, "AGAIN", timedelta(seconds=0.1))
        began = time.monotonic()
        result = sits(people.alice).run("connect", "vm-app-01", "--tunnel", AZ_SECONDS="60")
        assert result.exit_code == 0
        assert time.monotonic() - began < 20
        assert next(states, None) is None
        assert not psutil.pid_exists(az.calls[0]["pid"])


class TestWhatIsRun:
    """X-60: whatever the portal, or whoever speaks in its name, wants run: only this."""

    def test_what_is_known(self) -> None:
        assert client.checked(SSH) == SSH
        for more in (["--auth-type", "AAD"], ["--username", "DOMAIN\\al.ice"], ["--port", "50022"]):
            assert client.checked([*SSH, *more])

    @pytest.mark.parametrize(
        "argv",
        [
            [],
            ["az"],
            ["sh", "-c", "id"],
            ["/tmp/az", *SSH[1:]],
            ["az", "vm", "run-command", "invoke"],
            ["az", "network", "bastion", "delete", "--name", "bastion-hub"],
            [*SSH, "--"],
            [*SSH, "--", "-oProxyCommand=id"],
            [*SSH, "-oProxyCommand=id"],
            [*SSH, "--ssh-key", "/etc/shadow"],
            [*SSH, "--ssh-key", "~/../../etc/shadow"],
            [*SSH, "--username", "-oProxyCommand=id"],
            [*SSH, "--username", "x y"],
            [*SSH, "--username", "x\n"],
            [*SSH, "--name", "other"],
            [*SSH, "--query", "id"],
            [*SSH, "--auth-type", "AAD\u202e"],
            [*SSH[:-1], "/subscriptions/1/x;id"],
            [*SSH[:-1], "/subscriptions/1/x&calc.exe"],
            [*SSH[:-1], "/subscriptions/1/%PATH%"],
            [*SSH[:-2], "--target-ip-address", "10.0.0.1;id"],
            [*SSH[:-1], 7],
        ],
    )
    def test_what_is_not(self, argv: list[Any]) -> None:
        with pytest.raises(CliError):
            client.checked(argv)

    def test_a_portal_that_wants_something_else_run(
        self, people: Cast, opened: Grant, sits: Sits, az: Az, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        get = Portal.get

        def turned(self: Portal, path: str, **query: Any) -> Any:
            told = get(self, path, **query)
            if path.endswith("/connect/"):
                told["commands"][0]["argv"] = [*SSH, "--", "-oProxyCommand=\x1b[2Jtouch owned"]
            return told

        monkeypatch.setattr(Portal, "get", turned)
        result = sits(people.alice).run("connect", "vm-app-01")
        assert result.exit_code == 1
        assert "no known way" in " ".join(result.stderr.split())
        assert "\x1b" not in result.output
        assert az.calls == []

    def test_an_az_in_the_current_folder_is_not_taken(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        program = tmp_path / "az"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o700)
        monkeypatch.chdir(tmp_path)
        for path in (".", "", ":.", "bin"):
            monkeypatch.setenv("PATH", path)
            with pytest.raises(CliError):
                client.client()


@contextmanager
def process(terminal: Terminal, *words: str, tty: int | None = None, **env: str) -> Iterator[Any]:
    """``bastion-access`` as a process of its own, in a terminal of its own where there is one."""

    def own_terminal() -> None:
        os.setsid()
        if tty is not None:
            fcntl.ioctl(tty, termios.TIOCSCTTY, 0)

    place = {"stdin": tty, "stdout": tty, "stderr": tty} if tty is not None else {
        "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT,
    }  # fmt: skip
    made = subprocess.Popen(
        [sys.executable, "-m", "bastion_access", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT / "cli"), "AZ_SECONDS": "60", **env},
        preexec_fn=own_terminal,  # noqa: PLW1509 # a session of its own; nothing else runs here
        **place,
    )  # fmt: skip
    try:
        yield made
    finally:
        if made.poll() is None:
            made.kill()
        made.wait(timeout=10)
        if made.stdout is not None:
            made.stdout.close()


def eventually(check: Callable[[], Any], *, seconds: float = 20) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = check()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"it did not happen within {seconds} s")


def alive(group: int) -> list[int]:
    found = []
    for each in psutil.process_iter():
        try:
            if os.getpgid(each.pid) == group and each.status() != psutil.STATUS_ZOMBIE:
                found.append(each.pid)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


class TestTeardown:
    """Nothing keeps a way in open behind the person's back."""

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_told_to_stop_it_takes_all_of_it_down(
        self, number: signal.Signals, people: Cast, opened: Grant, sits: Sits, az: Az
    ) -> None:
        terminal = sits(people.alice)
        with process(terminal, "connect", "vm-app-01", "--tunnel", "--end", AZ_STARTS="1") as made:
            group = eventually(lambda: az.calls)[0]["pgid"]
            eventually(lambda: len(alive(group)) == 2)
            made.send_signal(number)
            status = made.wait(timeout=20)
        assert alive(group) == []
        assert status == (0 if number == signal.SIGINT else 128 + number)
        assert EndOrder.objects.get().grant == opened

    def test_ctrl_c_in_a_terminal(self, people: Cast, opened: Grant, sits: Sits, az: Az) -> None:
        """The tunnel holds the terminal, so the key is for it; the shell gets it back."""
        terminal, (ours, theirs) = sits(people.alice), pty.openpty()
        words = ("connect", "vm-app-01", "--tunnel", "--keep")
        try:
            with process(terminal, *words, tty=theirs, AZ_STARTS="1") as made:
                group = eventually(lambda: az.calls)[0]["pgid"]
                eventually(lambda: len(alive(group)) == 2)
                eventually(lambda: os.tcgetpgrp(ours) == group)
                os.write(ours, b"\x03")
                made.wait(timeout=20)
                assert alive(group) == []
        finally:
            os.close(ours)
            os.close(theirs)

    def test_ctrl_z_stops_both_and_comes_back(
        self, people: Cast, opened: Grant, sits: Sits, az: Az
    ) -> None:
        terminal, (ours, theirs) = sits(people.alice), pty.openpty()
        try:
            with process(terminal, "connect", "vm-app-01", "--keep", tty=theirs) as made:
                group = eventually(lambda: az.calls)[0]["pgid"]
                eventually(lambda: os.tcgetpgrp(ours) == group)
                os.write(ours, b"\x1a")
                us = psutil.Process(made.pid)
                eventually(lambda: us.status() == psutil.STATUS_STOPPED)
                assert psutil.Process(group).status() == psutil.STATUS_STOPPED
                os.killpg(made.pid, signal.SIGCONT)
                eventually(lambda: psutil.Process(group).status() != psutil.STATUS_STOPPED)
                eventually(lambda: os.tcgetpgrp(ours) == group)
                os.write(ours, b"\x03")
                made.wait(timeout=20)
        finally:
            os.close(ours)
            os.close(theirs)

    def test_the_token_is_in_no_command_line_nor_in_the_childs(
        self, people: Cast, opened: Grant, sits: Sits, az: Az
    ) -> None:
        terminal = sits(people.alice)
        kept = keeping.kept_for(terminal.url)
        assert kept is not None
        env = {"BASTION_ACCESS_TOKEN": kept.token}
        with process(terminal, "connect", "vm-app-01", "--tunnel", **env) as made:
            az_itself = psutil.Process(eventually(lambda: az.calls)[0]["pid"])
            assert kept.token not in json.dumps([az_itself.cmdline(), az_itself.environ()])
            assert kept.token not in json.dumps(psutil.Process(made.pid).cmdline())
            made.send_signal(signal.SIGINT)
            made.wait(timeout=20)
