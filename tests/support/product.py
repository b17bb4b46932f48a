"""The running product, as a user meets it: one process tree, its pages and its API."""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.support.azure import free_port

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Portal:
    process: subprocess.Popen[str]
    port: int
    azure_port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def azure(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.azure_port}/_control/{path}") as got:
            return json.loads(got.read())

    def family(self) -> list[psutil.Process]:
        me = psutil.Process(self.process.pid)
        return [me, *me.children(recursive=True)]

    def wait_until_ready(self) -> None:
        def ready() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            return "is ready after" in self.log.read_text()

        eventually(ready, seconds=60)


@contextmanager
def portal(var: Path, *, port: int = 0, azure_port: int = 0) -> Iterator[Portal]:
    port, azure_port = port or free_port(), azure_port or free_port()
    var.parent.mkdir(parents=True, exist_ok=True)
    log = var.parent / f"{port}.log"
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "portal.settings.embedded",
        "BASTION_ACCESS_VAR": str(var),
        "PORT": str(port),
        "AZURE_SIM_PORT": str(azure_port),
    }
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "portal"],
            cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
    made = Portal(process, port, azure_port, log)
    try:
        yield made
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=10)


class Browser:
    """A browser without JavaScript: cookies, forms, redirects."""

    def __init__(self, portal: Portal, name: str) -> None:
        jar = http.cookiejar.CookieJar()
        self.open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar)).open
        self.base = portal.url
        page = self.get("/sign-in/")
        form = next(f for f in re.findall(r"<form.*?</form>", page, re.DOTALL) if name in f)
        fields = dict(re.findall(r'name="([^"]+)"[^>]*value="([^"]*)"', form))
        self.post(re.search(r'action="([^"]*)"', form)[1] or "/sign-in/", **fields)  # type: ignore[index]

    def get(self, path: str) -> str:
        with self.open(self.base + path) as answer:
            return str(answer.read().decode())

    def json(self, path: str) -> Any:
        return json.loads(self.get(f"/api/v1/{path}"))

    def post(self, path: str, **fields: str) -> str:
        data = urllib.parse.urlencode(fields).encode()
        request = urllib.request.Request(self.base + path, data, {"Referer": self.base})
        with self.open(request) as answer:
            return str(answer.read().decode())

    def api(self, path: str, **body: Any) -> Any:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get("/"))
        assert token
        request = urllib.request.Request(
            f"{self.base}/api/v1/{path}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "X-CSRFToken": token[1], "Referer": self.base},
        )
        with self.open(request) as answer:
            return json.loads(answer.read())


FOR_A_VENDOR = {
    "vendor_name": "V. Technician", "vendor_company": "Vendor Ltd",
    "vendor_mail": "technician@vendor.example", "vendor_phone": "+49 30 1234567",
    "vendor_checked": True, "vendor_credentials": "The demo engineer reads it out",
}  # fmt: skip


def ask_and_approve(
    made: Portal, *, minutes: int = 30, kind: str = "window", machine: str = "vm-lab-01"
) -> dict[str, Any]:
    engineer, approver = Browser(made, "Demo engineer"), Browser(made, "Demo approver")
    vm = engineer.json(f"machines/?name={machine}")["results"][0]
    asked = engineer.api(
        "requests/", machine_id=vm["id"], kind=kind, port=22, minutes=minutes, reason="Test",
        **(FOR_A_VENDOR if kind == "link" else {}),
    )  # fmt: skip
    approver.api(f"requests/{asked['reference']}/approve/", terms_digest=asked["terms_digest"])
    return asked


def grants(made: Portal) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = Browser(made, "Demo approver").json("grants/")["results"]
    return found


def eventually(check: Callable[[], bool], *, seconds: float = 30) -> None:
    """Waits for what processes bring about; fails when it does not come."""
    if not comes(check, seconds=seconds):
        raise AssertionError(f"it did not happen within {seconds} s")


def comes(check: Callable[[], bool], *, seconds: float) -> bool:
    """Waits for what may come, and says whether it did."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if check():
            return True
        time.sleep(0.1)
    return False
