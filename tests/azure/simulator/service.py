"""The simulator as a real process, and Azure's own SDKs pointed at it."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from azure.core.credentials import AccessToken
from azure.core.pipeline import PipelineRequest
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.security import SecurityCenter

ROOT = Path(__file__).parents[3]
SUB = "11111111-1111-1111-1111-111111111111"
PREFIX = "10.0.255.0/26"
SCOPE = "https://management.azure.com/.default"
AT_ONCE = dict.fromkeys(
    (
        "initiate",
        "link_create",
        "link_delete",
        "rule_delete",
        "sessions",
        "policy_update",
        "change",
        "host_change",
        "start",
    ),
    0,
)


class Credential:
    """A token that names its principal: ``static:<name>``."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken(f"static:{self.name}", int(time.time()) + 3600)


class LoopbackAuthentication(ARMChallengeAuthenticationPolicy):
    def on_request(self, request: PipelineRequest[Any]) -> None:
        assert urlsplit(request.http_request.url).hostname == "127.0.0.1"
        request.context.options.setdefault("enforce_https", False)
        super().on_request(request)


class Service:
    """One running simulator."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.port = process, port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def network(self, principal: str = "tester", sub: str = SUB) -> NetworkManagementClient:
        return self._client(NetworkManagementClient, principal, sub)

    def security(self, principal: str = "tester", sub: str = SUB) -> SecurityCenter:
        return self._client(SecurityCenter, principal, sub)

    def compute(self, principal: str = "tester", sub: str = SUB) -> ComputeManagementClient:
        return self._client(ComputeManagementClient, principal, sub)

    def _client(self, made: Any, principal: str, sub: str) -> Any:
        credential = Credential(principal)
        return made(
            credential,
            sub,
            base_url=self.url,
            credential_scopes=[SCOPE],
            authentication_policy=LoopbackAuthentication(credential, SCOPE),
            retry_total=0,
            polling_interval=0.05,
        )

    def raw(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        """(status, headers in lower case, parsed body or None if empty)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Authorization": "Bearer static:raw"} | headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, found, json.loads(text) if text else None

    def control(self, method: str, path: str, body: Any = None) -> Any:
        status, _, found = self.raw(method, f"/_control/{path}", body)
        assert status < 300, (status, found)
        return found

    def reset(self, estate: Any = "small") -> None:
        self.control("POST", "reset", {"estate": estate})
        self.control("POST", "pace", AT_ONCE)

    def state(self) -> Any:
        return self.control("GET", "state")

    def record(self, operation: str = "") -> list[Any]:
        rows = self.control("GET", "record")["record"]
        return [row for row in rows if not operation or row["operation"] == operation]

    def fault(self, **what: Any) -> int:
        (made,) = self.control("POST", "faults", [what])["ids"]
        return int(made)

    def advance(self, seconds: float) -> None:
        self.control("POST", "clock", {"advance_seconds": seconds})

    def pace(self, **what: Any) -> None:
        self.control("POST", "pace", what)


def launched(*arguments: str, **more: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "portal.azure.simulator", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more
    )


@contextmanager
def running(*arguments: str, **more: Any) -> Iterator[Service]:
    process = launched("--port", "0", *arguments, **more)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "listens on" in line, process.communicate()
        yield Service(process, int(line.rsplit(":", 1)[1]))
    finally:
        process.terminate()
        process.communicate(timeout=10)


def eventually(true: Callable[[], Any], seconds: float = 5.0) -> Any:
    """What ``true`` returns once it is truthy; fails if it is not in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = true()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it never became so")


def rg(group: str, sub: str = SUB) -> str:
    return f"/subscriptions/{sub}/resourceGroups/{group}/providers"


def vm_id(name: str) -> str:
    return f"{rg('rg-app')}/Microsoft.Compute/virtualMachines/{name}"


BASTION = f"{rg('rg-hub')}/Microsoft.Network/bastionHosts/bastion-hub"
NSG = f"{rg('rg-app')}/Microsoft.Network/networkSecurityGroups/nsg-app"
POLICY = f"{rg('rg-app')}/Microsoft.Security/locations/westeurope/jitNetworkAccessPolicies/default"
VM, VM2, WINDOWS, BARE = (
    vm_id(name) for name in ("vm-app-01", "vm-app-02", "vm-win-01", "vm-bare-01")
)
