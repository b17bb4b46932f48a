"""Starting and ending the process. Exit codes: 0 ended, 2 wrong words, 3 port, 4 unreadable."""

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from portal.azure.simulator import control, estate, roles
from portal.azure.simulator.app import Simulator
from portal.azure.simulator.catalogue import Estate
from portal.azure.simulator.server import Server
from portal.azure.simulator.store import Store, Unreadable
from portal.azure.simulator.world import World

WRONG_WORDS, PORT_TAKEN, UNREADABLE = 2, 3, 4
LOOK_AROUND = 0.2  # seconds after which a signal is seen at the latest


def main() -> int:
    wanted = _arguments()
    if not wanted.allow_remote and not control.is_loopback(wanted.host):
        return _say("Simulated Azure listens on loopback only; see --allow-remote.", WRONG_WORDS)
    try:
        server = Server(wanted.host, wanted.port)  # first: another one may hold the files too
    except OSError as error:
        where = f"{wanted.host}:{wanted.port}"
        return _say(f"Simulated Azure cannot listen on {where}: {error.strerror}", PORT_TAKEN)
    with server:
        try:
            server.app = _app(wanted)
        except Unreadable as error:
            return _say(str(error), UNREADABLE)
        _serve(server, wanted)
    return 0


def _serve(server: Server, wanted: argparse.Namespace) -> None:
    """Until a signal comes, or the parent's end."""
    _end_on_signals()
    world, port = server.app.world, server.server_address[1]
    if wanted.exit_with_parent:
        threading.Thread(target=_end_with_parent, args=(world,), daemon=True).start()
    print(f"Simulated Azure listens on http://{wanted.host}:{port}", flush=True)
    try:
        server.serve_forever(poll_interval=LOOK_AROUND)
    finally:
        world.lock.acquire()  # what is being saved is saved, and no more begins


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="portal.azure.simulator")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8790, help="0 takes any free one")
    parser.add_argument("--estate", default="demo", help="demo, small, empty or a JSON file")
    parser.add_argument(
        "--role",
        action="append",
        default=[],
        metavar="PRINCIPAL=FILE",
        help="give a principal this role definition and, without others, nothing else",
    )
    parser.add_argument("--state", type=Path, help="keep everything in this file")
    parser.add_argument("--record", type=Path, help="write every effect to this file")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when stdin does")
    parser.add_argument("--allow-remote", action="store_true", help="for use in a container")
    return parser.parse_args()


def _app(wanted: argparse.Namespace) -> Simulator:
    first = _estate(wanted.estate)
    try:
        given = roles.from_files(wanted.role)
    except (OSError, ValueError, TypeError) as error:
        raise Unreadable(f"A role cannot be given: {error}") from error
    try:
        world = World(first, given)
        control.load(world, first)
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"{wanted.estate} is no estate: {error}") from error
    store = Store(wanted.state, wanted.record)
    store.begin(world)
    return Simulator(world, store, first)


def _estate(wanted: str) -> Estate:
    if wanted in estate.NAMES:
        return estate.named(wanted)
    try:
        loaded: Estate = json.loads(Path(wanted).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Unreadable(f"{wanted} is no estate: {error}") from error
    return loaded


def _end_on_signals() -> None:
    def end(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)  # out of serve_forever, which then closes what it opened

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)


def _end_with_parent(world: World) -> None:
    """The parent holds the other end of our standard input, and loses it however it dies."""
    while os.read(0, 4096):  # not sys.stdin: its lock would trouble an orderly exit
        pass
    with world.lock:  # what is being saved is saved
        os._exit(0)


def _say(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code
