"""The bash script, run for real against an ``az`` that listens instead of asking Azure."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from access.clock import db_now
from access.kinds import Visit
from jit.connect import commands_for
from tests.jit.test_connect import HOSTILE, script
from tests.support.azure import free_port
from tests.support.estate import host, machine

pytestmark = pytest.mark.django_db

# Like the real one: a shell that starts a Python without becoming it.
AZ = """#!/bin/bash
printf '%s\\n' "$@" >"$ROOM/az.words"
"{python}" "$ROOM/tunnel.py" "$@"
"""
TUNNEL = """
import os, pathlib, signal, socket, sys, time
room = pathlib.Path(os.environ["ROOM"])
def sign_off(*_):
    (room / "signed-off").touch()
    sys.exit()
signal.signal(signal.SIGINT, sign_off)
(room / "tunnel.pid").write_text(str(os.getpid()))
if (room / "refuse").exists():
    sys.exit("ERROR: Bastion Host SKU must be Standard or Premium")
time.sleep(0.3)
server = socket.create_server(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])))
while True:
    client, _ = server.accept()
    with (room / "connections").open("a") as file:
        file.write("x")
    client.sendall(b"hello through the tunnel\\n")
    client.close()
"""
SSH = """#!/bin/bash
printf '%s\\n' "$@" >"$ROOM/ssh.words"
exec 3<>"/dev/tcp/127.0.0.1/$LOCAL_PORT"
read -r -u 3 line
echo "$line"
: >"$ROOM/connected" # no child: bash would let the child decide about a Ctrl-C
[ -e "$ROOM/stay" ] && exec sleep 60
exit 7
"""


@dataclass
class Room:
    path: Path
    port: int

    @property
    def tunnel(self) -> int:
        return int((self.path / "tunnel.pid").read_text())

    def words(self, name: str) -> list[str]:
        return (self.path / f"{name}.words").read_text().splitlines()

    def has(self, name: str) -> bool:
        return (self.path / name).exists()

    def start(self, text: str, *arguments: str, **options: object) -> subprocess.Popen[str]:
        (self.path / "script.sh").write_text(text)
        environment = {
            "PATH": f"{self.path / 'bin'}:{os.environ['PATH']}",
            "ROOM": str(self.path),
            "LOCAL_PORT": str(self.port),
        }
        given: dict[str, object] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
            "text": True,
            "start_new_session": True,
        }
        words = ["bash", str(self.path / "script.sh"), *arguments]
        return subprocess.Popen(words, env=environment, **(given | options))  # type: ignore[call-overload]

    def is_quiet(self) -> bool:
        """The tunnel is gone: its process, and its listener."""
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                return False
        try:
            os.kill(self.tunnel, 0)
        except ProcessLookupError:
            return True
        return False


@pytest.fixture
def room(tmp_path: Path) -> Room:
    (tmp_path / "bin").mkdir()
    (tmp_path / "tunnel.py").write_text(TUNNEL)
    for name, text in (("az", AZ.format(python=sys.executable)), ("ssh", SSH)):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    return Room(tmp_path, free_port())


def for_linux(name: str = "vm-app-01", port: int = 22, **changes: str) -> str:
    vm = machine(name, **changes)
    return script("bash", commands_for(Visit(vm, vm.bastion, port, db_now())))


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_every_script_is_valid(room: Room) -> None:
    (room.path / "script.sh").write_text(for_linux(HOSTILE, vm_id=HOSTILE))
    subprocess.run(["bash", "-n", room.path / "script.sh"], check=True)


def test_the_client_runs_through_the_tunnel_and_then_it_is_gone(room: Room) -> None:
    running = room.start(for_linux())
    said, _ = running.communicate(timeout=30)
    assert running.returncode == 7  # the client's own
    assert "hello through the tunnel" in said
    assert room.words("ssh") == [
        "-p", str(room.port), "-o", "HostKeyAlias=vm-id-of-vm-app-01", "-l", "azureuser",
        "127.0.0.1",
    ]  # fmt: skip
    assert room.has("signed-off")  # so that the Bastion forgets the session as well
    assert room.is_quiet()


def test_waiting_for_the_port_is_no_session_at_the_bastion(room: Room) -> None:
    room.start(for_linux(), "true").communicate(timeout=30)
    assert room.has("signed-off")
    assert not room.has("connections")


def test_any_other_client_can_be_named(room: Room) -> None:
    said, _ = room.start(for_linux(port=5432), "bash", "-c", "echo to $LOCAL_PORT").communicate(
        timeout=30
    )
    assert f"to {room.port}" in said
    assert room.is_quiet()


def test_ctrl_c_at_the_terminal_ends_client_and_tunnel(room: Room) -> None:
    (room.path / "stay").touch()
    master, slave = os.openpty()
    running = room.start(
        for_linux(),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0),
    )
    wait_for(lambda: room.has("connected"))
    os.write(master, b"\x03")
    assert running.wait(timeout=30) == 130
    assert room.is_quiet()
    os.close(master)
    os.close(slave)


@pytest.mark.parametrize(
    ("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_interrupted_while_it_only_holds_the_tunnel(
    sent: signal.Signals, status: int, room: Room
) -> None:
    running = room.start(for_linux(port=5432))
    assert running.stdout
    wait_for(lambda: "Point any client" in str(running.stdout.readline()))
    running.send_signal(sent)
    running.communicate(timeout=30)
    assert running.returncode == status
    assert room.is_quiet()


def test_a_tunnel_that_does_not_open_is_said_with_the_words_of_az(room: Room) -> None:
    (room.path / "refuse").touch()
    running = room.start(for_linux())
    said, _ = running.communicate(timeout=30)
    assert running.returncode == 1
    assert "SKU must be Standard" in said
    assert "did not open" in said
    assert not room.has("connected")


def test_a_taken_port_is_never_mistaken_for_the_tunnel(room: Room) -> None:
    """Or a password would be typed into somebody else's program."""
    with socket.create_server(("127.0.0.1", room.port)):
        running = room.start(for_linux())
        said, _ = running.communicate(timeout=30)
    assert running.returncode == 1
    assert "is taken" in said
    assert not room.has("az.words")


def test_a_hostile_name_arrives_at_az_as_one_word_and_runs_nothing(room: Room) -> None:
    """X-60"""
    evil = "vm'$(touch pwned)`touch pwned`;touch pwned #"  # as long as columns allow
    vm = machine(evil, bastion=host(evil, resource_group=evil), vm_id=evil)
    text = script("bash", commands_for(Visit(vm, vm.bastion, 22, db_now())))
    room.start(text, cwd=room.path).communicate(timeout=30)
    words = room.words("az")
    assert words[:5] == ["network", "bastion", "tunnel", "--subscription", vm.subscription_id]
    assert words[words.index("--name") + 1] == evil
    assert words[words.index("--target-resource-id") + 1] == vm.resource_id
    assert not room.has("pwned")
    assert room.is_quiet()
