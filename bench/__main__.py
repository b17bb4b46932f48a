"""``make bench``: speed and memory, each beside its baseline, as ratios, and at the end one table
of what was promised. Never timed tests. ``python -m bench NAME…`` runs some; ``BENCH_LONG=1`` runs
the long forms. The table goes into ``bench/results.md`` when all have run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import results

# Name and the most seconds that it may take.
BENCHES = {
    "brokers": 60, "opening": 90, "ledger": 30, "deciding": 60, "signing": 60, "estate": 180,
    "first_page": 90, "links_at_once": 420, "ordered": 180, "drain": 600, "steady": 700,
    "large": 600,
}  # fmt: skip
LONGER = 12 if os.environ.get("BENCH_LONG") else 2  # the bound, not the plan


def main(wanted: list[str]) -> None:
    described = results.machine()
    print(described)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.jsonl"
        failed = [name for name in wanted or BENCHES if not _run(name, rows)]
        kept = rows.read_text().splitlines() if rows.exists() else []
    text = results.table([json.loads(line) for line in kept])
    took = f"{(time.monotonic() - began) / 60:.0f} minutes"
    print(f"\n== what was promised, after {took}\n\n{text}")
    if failed:
        print(f"\nThese did not come to their end: {', '.join(failed)}.")
    if not wanted:
        results.FILE.write_text(_page(described, took, text, failed))


def _run(name: str, rows: Path) -> bool:
    """In a process of its own, with all that it starts in one group: whatever becomes of it,
    nothing is left running."""
    print(f"\n== {name}", flush=True)
    env = {**os.environ, "BENCH_ROWS": str(rows)}
    code = f"import bench.{name} as b; b.main()"
    process = subprocess.Popen([sys.executable, "-c", code], env=env, start_new_session=True)
    try:
        return process.wait(timeout=BENCHES.get(name, 600) * LONGER) == 0
    except subprocess.TimeoutExpired:
        print(f"{name} took too long and was ended", flush=True)
        return False
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    for how, patience in ((signal.SIGINT, 30), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, how)
        except ProcessLookupError:
            return
        try:
            process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            continue
        if how is signal.SIGINT:
            time.sleep(1)


def _page(described: str, took: str, text: str, failed: list[str]) -> str:
    ended = f"\nThese did not come to their end: {', '.join(failed)}.\n" if failed else ""
    return (
        "# What was promised, and what was measured\n\n"
        "Written by `make bench`; do not edit. What each figure means, and the honest word where "
        "one is missed, stands in [README.md](README.md).\n\n"
        f"{described}. All of it took {took}.\n\n{text}\n{ended}"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
