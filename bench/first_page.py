"""From ``git clone`` to the first page, as a newcomer waits for it, and what each process weighs.

Clones this checkout's last commit into a new folder, runs ``make run`` there on free ports, and
asks for the sign-in page until it comes. pip's cache is whatever this machine has: run it twice to
see a warm one. Baseline: the same ``make run`` again, when all is installed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from tests.support.azure import free_port

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 600.0


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        clone = Path(folder) / "bastion-access"
        began = time.perf_counter()
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        cloned = time.perf_counter() - began
        first = _run(clone)
        again = _run(clone)
    total = cloned + first
    print(
        f"git clone to the first page     {total:>6.1f} s   {total / again:.1f} x the second start"
    )
    print(f"second start to the first page  {again:>6.1f} s")


def _run(clone: Path) -> float:
    """Seconds from ``make run`` to the first page; says what the processes weigh."""
    port = free_port()
    words = [f"PORT={port}", f"AZURE_SIM_PORT={free_port()}"]
    env = {key: value for key, value in os.environ.items() if not key.startswith("DJANGO_")}
    began = time.perf_counter()
    make = subprocess.Popen(
        ["make", "run", *words],
        cwd=clone,
        env=env,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/sign-in/")
        seconds = time.perf_counter() - began
        _weigh(make.pid)
        return seconds
    finally:
        began = time.perf_counter()
        os.killpg(make.pid, signal.SIGINT)
        make.wait(timeout=20)
        print(f"stopped after                   {time.perf_counter() - began:>6.1f} s")


def _wait_for(page: str) -> None:
    deadline = time.perf_counter() + PATIENCE
    while time.perf_counter() < deadline:
        try:
            with urllib.request.urlopen(page, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    sys.exit("the first page never came")


def _weigh(pid: int) -> None:
    time.sleep(2)
    me = psutil.Process(pid)
    for process in [me, *me.children(recursive=True)]:
        if "python" in process.name():
            role = "simulated Azure" if "simulator" in " ".join(process.cmdline()) else "portal"
            rss = process.memory_info().rss / 2**20
            print(f"memory of {role:<16}      {rss:>6.0f} MB")


if __name__ == "__main__":
    main()
