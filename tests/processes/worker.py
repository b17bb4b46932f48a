"""A real Celery worker in a process of its own, on real PostgreSQL and Redis."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from tests.support.azure import SimulatedAzure


def environment(azure: SimulatedAzure, redis_url: str) -> dict[str, str]:
    """The child's: the same database as this test, production's parts, simulated Azure."""
    made = connection.settings_dict
    where = f"{made['USER']}:{made['PASSWORD']}@{made['HOST']}:{made['PORT']}/{made['NAME']}"
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "portal.settings.trial",
        "DATABASE_URL": f"postgres://{where}",
        "REDIS_URL": redis_url,
        "AZURE_ENDPOINT": azure.url,
        "IDENTITY_ENDPOINT": f"{azure.url}/msi/token",
        "IDENTITY_HEADER": "simulated",
        "ACCESS_LEASE_SECONDS": "3",
    }


@contextmanager
def running(env: dict[str, str], *, beat: bool = True) -> Iterator[subprocess.Popen[bytes]]:
    """A worker (with a beat inside). Ended at the end, if it still lives."""
    command = [
        sys.executable, "-m", "celery", "-A", "portal.celery", "worker",
        "--pool", "threads", "--concurrency", "4", "--loglevel", "WARNING",
        "--without-gossip", "--without-mingle", "--without-heartbeat",
    ]  # fmt: skip
    clock = [
        sys.executable, "-m", "celery", "-A", "portal.celery", "beat",
        "--scheduler", "portal.timetable:Timetable", "--max-interval", "1", "--loglevel", "WARNING",
    ]  # fmt: skip
    worker = subprocess.Popen(command, env=env)
    others = [subprocess.Popen(clock, env=env)] if beat else []
    try:
        yield worker
    finally:
        for process in [worker, *others]:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait(timeout=10)
