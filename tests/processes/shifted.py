"""A process of ours whose clock is wrong: ``python -m tests.processes.shifted 600 celery …`` is
``python -m celery …`` on a machine that is ten minutes ahead. Its clock runs at the usual pace."""

from __future__ import annotations

import runpy
import sys
from datetime import UTC, datetime, timedelta

import time_machine


def main() -> None:
    seconds, module = float(sys.argv[1]), sys.argv[2]
    sys.argv = sys.argv[2:]
    there = datetime.now(UTC) + timedelta(seconds=seconds)
    time_machine.travel(there, tick=True).start()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
