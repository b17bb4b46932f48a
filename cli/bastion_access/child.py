"""Runs a program in this terminal, and leaves nothing of it behind.

It gets a process group of its own and the terminal with it, as a shell gives it to a job: Ctrl-C
goes to it and to what it started, Ctrl-Z stops it together with us. When we are told to stop, or
its time is over, the whole group is.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType

POSIX = os.name == "posix"
LOOKS = 0.1  # seconds between two looks at the child
GRACE = 3.0  # seconds that it has to leave after each signal
Tick = Callable[[], bool]


class Stopped(BaseException):
    """Somebody told this process to end. ``number``: the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run(argv: Sequence[str], *, goes_on: Tick, env: Mapping[str, str] | None = None) -> int:
    """Its exit status, as a shell would say it. ``goes_on`` is asked again and again; when it says
    no, the child is ended. The words are never read by a shell."""
    if not POSIX:
        return _run_elsewhere(argv, goes_on, env)
    with _told_to_stop():
        child = subprocess.Popen(list(argv), process_group=0, env=env)  # noqa: S603 # checked by ``az``
        try:
            with _terminal_of(child.pid) as lend:
                return _follow(child, goes_on, lend)
        finally:
            end_group(child)


def _follow(child: "subprocess.Popen[bytes]", goes_on: Tick, lend: Callable[[], None]) -> int:
    while True:
        pid, status = os.waitpid(child.pid, os.WNOHANG | os.WUNTRACED)
        if pid and os.WIFSTOPPED(status):
            _stop_with(child.pid, os.WSTOPSIG(status), lend)
        elif pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            return _as_in_a_shell(child.returncode)
        elif not goes_on():
            end_group(child)
            return 0
        else:
            time.sleep(LOOKS)


def _stop_with(group: int, number: int, lend: Callable[[], None]) -> None:
    """Ctrl-Z stops us as well, so that the shell comes back. A child that only reached for the
    terminal before it had it goes on."""
    if number not in (signal.SIGTTIN, signal.SIGTTOU):
        _take_back()
        os.killpg(os.getpgrp(), signal.SIGSTOP)
    lend()
    os.killpg(group, signal.SIGCONT)


def end_group(child: "subprocess.Popen[bytes]") -> None:
    """First as Ctrl-C does, then firmly, then by force. What it started goes with it, also when it
    left that behind itself."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if not _signal(child.pid, number):
            break
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline and _lives(child):
            time.sleep(LOOKS / 4)
    if child.returncode is None:
        child.wait()


def _signal(group: int, number: signal.Signals) -> bool:
    """Whether anything is left that could hear it."""
    try:
        os.killpg(group, number)
        os.killpg(group, signal.SIGCONT)  # what is stopped would never hear it
    except (ProcessLookupError, PermissionError):  # the latter: only zombies, on macOS
        return False
    return True


def _lives(child: "subprocess.Popen[bytes]") -> bool:
    if child.returncode is None:
        child.poll()
    try:
        os.killpg(child.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


@contextlib.contextmanager
def _terminal_of(group: int) -> Iterator[Callable[[], None]]:
    """Lends the terminal to the group, where there is one and it is ours to lend."""
    if not _is_ours():
        yield lambda: None
        return

    def lend() -> None:
        with contextlib.suppress(OSError):  # the child may be gone already
            os.tcsetpgrp(sys.__stdin__.fileno(), group)  # type: ignore[union-attr]

    lend()
    try:
        yield lend
    finally:
        _take_back()


def _is_ours() -> bool:
    stdin = sys.__stdin__
    if stdin is None or not stdin.isatty():
        return False
    with contextlib.suppress(OSError):
        return os.tcgetpgrp(stdin.fileno()) == os.getpgrp()
    return False


def _take_back() -> None:
    """From the background that would stop us, unless we do not listen for a moment."""
    if sys.__stdin__ is None or not sys.__stdin__.isatty():
        return
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        with contextlib.suppress(OSError):
            os.tcsetpgrp(sys.__stdin__.fileno(), os.getpgrp())
    finally:
        signal.signal(signal.SIGTTOU, before)


@contextlib.contextmanager
def _told_to_stop() -> Iterator[None]:
    """SIGTERM and SIGHUP become an exception, so that the child is ended on the way out."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise Stopped(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _as_in_a_shell(code: int) -> int:
    return code if code >= 0 else 128 - code


def _run_elsewhere(argv: Sequence[str], goes_on: Tick, env: Mapping[str, str] | None) -> int:
    """Windows: Ctrl-C reaches the child by itself."""
    child = subprocess.Popen(list(argv), env=env)  # noqa: S603 # checked by ``az``
    try:
        while child.poll() is None and goes_on():
            time.sleep(LOOKS)
    finally:
        if child.poll() is None:
            child.terminate()
        code = child.wait()
    return code
