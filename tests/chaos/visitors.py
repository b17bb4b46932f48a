"""People at their browsers while everything around them fails: they ask, decide and end over HTTP.

What was answered with success is written down here, past the portal: nothing of it may be lost.
Whoever got no answer sends the same again, as a browser or a script would.
"""

from __future__ import annotations

import random
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests

from tests.processes.parts import Visitor
from tests.support.azure import SimulatedAzure
from tests.support.product import FOR_A_VENDOR

# In the demo's estate: where one approver is enough, and where shareable links are switched on.
MACHINES, LINKED = ("vm-dev", "vm-web-stg", "vm-lab"), "vm-lab"
PATIENCE = 60.0  # seconds in which somebody goes on trying the same
PAUSE = 1.0
AWAY = 503


@dataclass
class Said:
    """What the portal said to people. Shared by their threads; each act is one append or count."""

    approved: list[str] = field(default_factory=list)  # references
    asked: list[str] = field(default_factory=list)
    ended: list[tuple[int, datetime]] = field(default_factory=list)  # grants, and when it was said
    broken: list[str] = field(default_factory=list)  # answers that nobody should see
    counts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)  # and why, without figures


class Somebody:
    """A person with a browser, who does one thing after another until told to stop."""

    def __init__(self, name: str, url: str, said: Said, dice: random.Random) -> None:
        self.name, self.visitor, self.said, self.dice = name, Visitor(url), said, dice
        self.over = threading.Event()
        self.quiet = threading.Event()  # nothing new is asked for
        self.not_mine: set[str] = set()  # what others decide
        self._token = ""

    def sign_in(self) -> None:
        page = self.visitor.get("/sign-in/").text
        token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[0]
        sent = {"person": self.name, "csrfmiddlewaretoken": token}
        headers = {"Referer": self.visitor.base, "Origin": self.visitor.base}
        self.visitor.session.post(
            f"{self.visitor.base}/sign-in/demo/", sent, headers=headers, timeout=20
        ).raise_for_status()
        self._token = self.visitor.token()

    def live(self, moves: Callable[[Somebody], None], pause: tuple[float, float]) -> None:
        while not self.over.wait(self.dice.uniform(*pause)):
            try:
                moves(self)
            except Exception as fault:  # noqa: BLE001 - else one person less, and nobody knows
                self.said.broken.append(f"{self.name}: {type(fault).__name__} {fault}")

    def send(self, path: str, **body: Any) -> Any:
        """``None`` where it was refused, or where nobody answered for a minute. The same key goes
        with each try."""
        until, key = time.monotonic() + PATIENCE, str(uuid.UUID(int=self.dice.getrandbits(128)))
        while time.monotonic() < until and not self.over.is_set():
            got = self._try("POST", path, json=body, headers={"Idempotency-Key": key})
            if got is not None and got.status_code not in {AWAY, 429}:
                self.said.counts["acknowledged" if got.ok else "refused"] += 1
                return got.json() if got.ok else None
            self.said.counts["tried again"] += 1
            time.sleep(PAUSE)
        self.said.counts["given up"] += 1
        return None

    def see(self, path: str) -> list[Any]:
        got = self._try("GET", path)
        rows: list[Any] = got.json()["results"] if got is not None and got.ok else []
        return rows

    def _try(self, method: str, path: str, **more: Any) -> requests.Response | None:
        base = self.visitor.base
        headers = {"X-CSRFToken": self._token, "Referer": base, "Origin": base}
        headers |= more.pop("headers", {})
        try:
            got = self.visitor.session.request(
                method, f"{base}/api/v1/{path}", headers=headers, timeout=30, **more
            )
        except requests.RequestException:
            self.said.counts["no answer"] += 1
            return None
        self.said.counts[f"answered {got.status_code}"] += 1
        if 400 <= got.status_code < 500:
            self.said.refusals[re.sub(r"\d+", "…", got.text)[:160]] += 1
        if got.status_code >= 500 and got.status_code != AWAY:
            self.said.broken.append(f"{method} {path}: {got.status_code} {got.text[:300]}")
        return got


def engineer(azure: SimulatedAzure, machines: list[dict[str, Any]]) -> Callable[[Somebody], None]:
    """Asks for windows and links, ends some before their time, and connects."""

    def move(who: Somebody) -> None:
        what = who.dice.random()
        if what < 0.6 and not who.quiet.is_set():
            _ask(who, who.dice.choice(machines))
        elif what < 0.7:
            _end(who)
        else:
            _connect(who, azure)

    return move


def _ask(who: Somebody, machine: dict[str, Any]) -> None:
    link = who.dice.random() < 0.8 and machine["name"].startswith(LINKED)
    made = who.send(
        "requests/", machine_id=machine["id"], kind="link" if link else "window",
        port=3389 if machine["os"] == "windows" else 22,
        minutes=who.dice.choice([5, 5, 6]), reason="Disk is full", **(FOR_A_VENDOR if link else {}),
    )  # fmt: skip
    if made is not None:
        who.said.asked.append(made["reference"])


def _end(who: Somebody) -> None:
    mine = who.see("grants/?state=open")
    if mine:
        grant = who.dice.choice(mine)
        if who.send(f"grants/{grant['id']}/end/", reason="Done") is not None:
            who.said.ended.append((grant["id"], datetime.now(UTC)))


def _connect(who: Somebody, azure: SimulatedAzure) -> None:
    """Somebody does, through any door that stands open."""
    state = azure.state()
    doors = [(each["bastion"], each["vm"]) for each in state["links"]]
    if doors:
        bastion, vm = who.dice.choice(doors)
        body = {"vm": vm, "bastion": bastion, "protocol": "RDP" if "-win-" in vm else "SSH"}
        try:
            azure.control("POST", "sessions", body)
        except OSError:
            return
        who.said.counts["sessions"] += 1


def approver(who: Somebody) -> None:
    """Approves nearly all that waits."""
    waiting = [a for a in who.see("requests/?state=pending") if a["reference"] not in who.not_mine]
    for asked in waiting[:4]:
        if who.over.is_set():
            return
        path = f"requests/{asked['reference']}"
        if who.dice.random() < 0.07:
            who.send(f"{path}/deny/", terms_digest=asked["terms_digest"], comment="No")
        elif who.send(f"{path}/approve/", terms_digest=asked["terms_digest"]) is not None:
            who.said.approved.append(asked["reference"])
        else:
            who.not_mine.add(asked["reference"])
