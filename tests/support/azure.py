"""The simulated Azure as the tests use it: start, reset, look, disturb."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.settings.simulated import PRINCIPALS

ROLES = Path(__file__).resolve().parents[2] / "docs" / "roles"
SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _roles() -> Iterator[str]:
    """The portal's identities have what docs/roles gives them, and nothing else."""
    for principal in PRINCIPALS:
        file = ROLES / f"{principal.removeprefix('portal-')}.json"
        yield from ("--role", f"{principal}={file}")


@dataclass
class SimulatedAzure:
    """The portal's identities are known there, with their roles and nothing else."""

    port: int
    process: subprocess.Popen[bytes]

    @classmethod
    @contextmanager
    def started(cls, *extra: str, port: int = 0) -> Iterator[SimulatedAzure]:
        port = port or free_port()
        command = [sys.executable, "-m", "portal.azure.simulator", "--port", str(port)]
        process = subprocess.Popen([*command, *_roles(), *extra], stdout=subprocess.DEVNULL)
        azure = cls(port, process)
        try:
            azure._wait()
            yield azure
        finally:
            process.terminate()
            process.wait(timeout=10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def point(self, settings: Any) -> None:
        """Make this process's portal speak to this simulator."""
        from portal.azure import door

        os.environ["IDENTITY_ENDPOINT"] = f"{self.url}/msi/token"
        os.environ["IDENTITY_HEADER"] = "simulated"
        settings.AZURE_ENDPOINT = settings.VENDOR_BASTION_STAND_IN = self.url
        door.forget_clients()

    def reset(self) -> None:
        """The small estate, no faults, and no waiting."""
        self.control("POST", "reset", {"estate": "small"})
        self.pace(0)

    def pace(self, seconds: float) -> None:
        """For everything that takes Azure time; lists are as they were."""
        told = self.control("POST", "pace", {})
        names = [name for name, value in told.items() if not isinstance(value, str)]
        names.remove("link_listed")
        self.control("POST", "pace", dict.fromkeys(names, seconds))

    def advance(self, seconds: float) -> None:
        self.control("POST", "clock", {"advance_seconds": seconds})

    def fault(self, **what: Any) -> Any:
        return self.control("POST", "faults", [what])

    def mend(self) -> None:
        self.control("DELETE", "faults")

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.control("GET", "state")
        return found

    def record(self, operation: str = "") -> list[dict[str, Any]]:
        rows = self.control("GET", "record")["record"]
        return [row for row in rows if not operation or row["operation"] == operation]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/_control/{path}",
            data=data,
            method=method,
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def _wait(self) -> None:
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("the simulator did not start")
