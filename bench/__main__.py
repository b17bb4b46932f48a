"""``make bench``: speed and memory, each beside its baseline, as ratios, and at the end one table
of what was promised. Never timed tests. ``python -m bench NAME…`` runs some; ``BENCH_LONG=1`` runs
the long forms. The table is kept in ``bench/results.md``, each row with its commit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import results

# Name and the most seconds that it may take.
BENCHES = {
    "brokers": 240, "opening": 90, "ledger": 30, "deciding": 60, "signing": 60, "estate": 180,
    "first_page": 90, "links_at_once": 420, "ordered": 180, "drain": 600, "steady": 700,
    "large": 600, "stuck": 300,
}  # fmt: skip
LONGER = 12 if os.environ.get("BENCH_LONG") else 2  # the bound, not the plan


def main(wanted: list[str]) -> None:
    described, tree = results.machine(), results.tree()
    print(described)
    began, names = time.monotonic(), wanted or list(BENCHES)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.jsonl"
        failed = [name for name in names if not _run(name, file, rows, tree)]
    took = f"{(time.monotonic() - began) / 60:.0f} minutes"
    print(f"\n== what was promised, after {took}\n\n{results.table(rows)}")
    if failed:
        print(f"\nThese did not come to their end: {', '.join(failed)}.")
    text = results.table(results.kept([name for name in names if name not in failed], rows))
    results.FILE.write_text(_page(described, ", ".join(names), took, text))


def _run(name: str, file: Path, rows: list[dict[str, Any]], tree: str) -> bool:
    """In a process of its own, with all that it starts in one group: whatever becomes of it,
    nothing is left running."""
    print(f"\n== {name}", flush=True)
    file.write_text("")
    ended = _process(name, {**os.environ, "BENCH_ROWS": str(file)})
    said = [json.loads(line) for line in file.read_text().splitlines()]
    rows += [{"bench": name, "tree": tree, **row} for row in said if ended]
    return ended


def _process(name: str, env: dict[str, str]) -> bool:
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


def _page(described: str, names: str, took: str, text: str) -> str:
    return (
        "# What was promised, and what was measured\n\n"
        "Written by `python -m bench`; do not edit. What each figure means, and the honest word "
        "where one is missed, stands in [README.md](README.md). Each row names the commit that it "
        f"was measured at.\n\n{described}. The last to run, in {took}: {names}.\n\n{text}\n"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
