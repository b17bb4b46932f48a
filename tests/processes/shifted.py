"""A process of ours whose clock is wrong: ``python -m tests.processes.shifted 600 celery …`` is
``python -m celery …`` on a machine that is ten minutes ahead. Its clock runs at the usual pace."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import time_machine


def ahead_by(seconds: float, command: Sequence[str]) -> list[str]:
    """That command of ``python -m``, with such a clock; 0 for the right one."""
    python, *rest = command
    return [python, "-m", __spec__.name, str(seconds), *rest[1:]] if seconds else list(command)


def main() -> None:
    seconds, module = float(sys.argv[1]), sys.argv[2]
    sys.argv = sys.argv[2:]
    there = datetime.now(UTC) + timedelta(seconds=seconds)
    time_machine.travel(there, tick=True).start()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
