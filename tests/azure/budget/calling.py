"""Calls through the door, and what Azure saw of them. Also a process of its own that makes some:
``python -m tests.azure.budget.calling 5`` lists links five times, and prints what came of each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.azure import SimulatedAzure

ROOT = Path(__file__).parents[3]
SUB = "11111111-1111-1111-1111-111111111111"


def list_links(identity: str = "READER") -> None:
    """A POST, so it spends writes. Raises ``Later`` or ``Never``."""
    from portal.azure import door
    from portal.azure.roles import Identity

    with door.calling():
        client = door.network(SUB, Identity[identity])
        list(client.get_bastion_shareable_link("rg-hub", "bastion-hub", {"vms": []}))


def attempt(identity: str = "READER") -> float | None:
    """``None`` when Azure was asked; else the seconds after which the door may be tried again."""
    from access.errors import Later

    try:
        list_links(identity)
    except Later as later:
        return later.retry_after if not later.sent and later.whole else -1.0
    return None


@dataclass
class Small:
    azure: SimulatedAzure

    @property
    def asked(self) -> int:
        """How often Azure was asked for links."""
        return int(self._calls()["calls"].get("link.list", 0))

    @property
    def throttled(self) -> list[Any]:
        return list(self._calls()["throttled"])

    @property
    def early(self) -> list[Any]:
        return list(self._calls()["early"])

    def refuse(self, seconds: int, times: int = 1, **more: Any) -> None:
        word = {"operation": "link.list", "action": "status", "status": 429}
        self.azure.fault(**word, retry_after=seconds, times=times, **more)

    def _calls(self) -> Any:
        return self.azure.control("GET", "calls")


def crowd(callers: int, each: int) -> list[float | None]:
    """So many threads, each closing, each with so many calls."""

    def calls(_: int) -> list[float | None]:
        from django.db import connections

        from access.errands import errand

        try:
            with errand(closing=True, begun=True):
                return [attempt() for _ in range(each)]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(callers) as pool:
        return [found for part in pool.map(calls, range(callers)) for found in part]


def elsewhere(count: int, endpoint: str, database: str = "", **settings: Any) -> list[float | None]:
    """What another process of the portal meets. ``database``: empty for this one's own."""
    program = [sys.executable, "-m", "tests.azure.budget.calling", str(count), json.dumps(settings)]
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "portal.settings.testing"}
    env |= {"BUDGET_ENDPOINT": endpoint, "TEST_DATABASE_URL": database or _own_database()}
    done = subprocess.run(
        program, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found: list[float | None] = json.loads(done.stdout.splitlines()[-1])
    return found


def _own_database() -> str:
    from django.db import connection

    own = connection.settings_dict
    return f"postgres://{own['USER']}@{own['HOST']}:{own['PORT']}/{own['NAME']}"


def main() -> None:
    import django
    from django.conf import settings

    django.setup()
    for name, value in json.loads(sys.argv[2]).items():
        setattr(settings, name, value)
    settings.AZURE_ENDPOINT = os.environ["BUDGET_ENDPOINT"]
    begun = time.monotonic()
    found = [attempt() for _ in range(int(sys.argv[1]))]
    print(f"{time.monotonic() - begun:.2f} s", file=sys.stderr)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
