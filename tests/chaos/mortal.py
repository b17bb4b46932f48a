"""Worker processes that kill or stop themselves at a named point of opening or closing.

``python -m tests.chaos.mortal`` reads lines like ``K3 open link FILE``, makes a process for each of
them and says its number; what all need was loaded before. A process sweeps and looks as a worker
does, without a broker: messages are handed over at once. ``FILE`` is written in the moment before
it dies, so that a death that never came is noticed. ``-`` for the point is a worker that lives; it
waits until ``FILE`` is there. The points are those of commits and of calls (see ``crew``), not
places in the engine's code.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import django

# Of one kind, and of its grants, alone: whoever gets a link has a window beside it.
ACTS = {
    ("open", "window"): re.compile(r"POST .*/initiate$", re.IGNORECASE),
    ("open", "link"): re.compile(r"POST .*/createShareableLinks$", re.IGNORECASE),
    ("close", "window"): re.compile(r"DELETE .*/securityRules/[^/]+$", re.IGNORECASE),
    ("close", "link"): re.compile(r"POST .*/deleteShareableLinks$", re.IGNORECASE),
}
READS = re.compile(
    r"(GET .*/(jitNetworkAccessPolicies|networkSecurityGroups)/[^/]+|POST .*/getShareableLinks)$",
    re.IGNORECASE,
)
POLLS = re.compile(r"GET .*/(operations|operationResults)/", re.IGNORECASE)
DISCONNECTS = re.compile(r"POST .*/disconnectActiveSessions$", re.IGNORECASE)
SETTLED = 2.0  # seconds in which a call may still take effect: simulated Azure is quick here


class Mortal:
    def __init__(self, point: str, act: str, kind: str, file: Path) -> None:
        self.point, self.act, self.file, self.sent = point, ACTS[act, kind], file, False
        self.opens, self.kind = act == "open", kind

    def end(self, how: int = signal.SIGKILL) -> None:
        if not self.file.exists():
            self.file.write_text(self.point)
            os.kill(os.getpid(), how)

    def before_commit(self) -> None:
        from access.models import Grant

        mine = Grant.objects.filter(gate__kind=self.kind)
        live = mine.filter(state="opening" if self.opens else "closing")
        if self.point == "K1" and live.filter(sent_at__isnull=False).exists():
            self.end()
        done = mine.filter(state="open" if self.opens else "closed")
        if self.point == "K5" and done.exists():
            self.end()

    def before_call(self, what: str) -> None:
        if self.act.search(what):
            if self.point == "K2":
                self.end()
            if self.point == "K3":  # Azure acts, and takes its time to say so
                threading.Timer(1.0, self.end).start()
        elif (
            (self.point == "K6" and self._is_looked_after(what))
            or (self.point == "K7" and self.sent and READS.search(what))
            or (self.point == "K8" and DISCONNECTS.search(what))
        ):
            self.end()

    def _is_looked_after(self, what: str) -> bool:
        """Opening is never polled: Azure is asked again, by the next look."""
        if self.opens:
            return self.sent and bool(READS.search(what))
        return bool(POLLS.search(what))

    def after_call(self, what: str) -> None:
        if not self.act.search(what):
            return
        self.sent = True
        if self.point == "K4":
            self.end()
        if self.point == "K9":
            self.end(signal.SIGSTOP)


def main() -> None:
    """Until its input ends."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.trial")
    django.setup()
    _load()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    print("ready", flush=True)
    for line in sys.stdin:
        point, act, kind, file = line.split()
        child = os.fork()
        if child == 0:
            _work(point, act, kind, Path(file))
        print(child, flush=True)


def _load() -> None:
    """What takes a second: Azure's SDKs, and the kinds that speak by them."""
    from access.kinds import all_kinds
    from portal.azure import door

    door.load()
    for name in ("jit.defender", "links.bastion"):
        import_module(name)
    for kind in all_kinds().values():
        type(kind).settle_seconds = SETTLED
    import_module("links.deletions").ITS_TIME = timedelta(seconds=SETTLED)  # type: ignore[attr-defined]


def _work(point: str, act: str, kind: str, file: Path) -> None:
    from celery.app.task import Task

    from access import tasks

    if point == "-":
        while not file.exists():
            time.sleep(0.02)
    else:
        _doom(Mortal(point, act, kind, file))
    queue: deque[tuple[str, tuple[Any, ...]]] = deque()
    work: dict[str, Callable[..., None]] = {"access.look": tasks.look, "access.audit": tasks.audit}

    def put(task: Any, words: Any = (), *_: Any, **__: Any) -> None:
        queue.append((task.name, tuple(words)))

    with patch.object(Task, "apply_async", put), patch("access.waking.waiting", lambda _: 0):
        while True:
            tasks.sweep()
            while queue:
                name, words = queue.popleft()
                if name in work:
                    work[name](*words)
            time.sleep(0.1)


def _doom(mortal: Mortal) -> None:
    from azure.core.pipeline.transport import RequestsTransport
    from django.db import transaction

    leave, send = transaction.Atomic.__exit__, RequestsTransport.send

    def leaving(atomic: Any, kind: Any, fault: Any, trace: Any) -> None:
        if fault is None and not transaction.get_connection(atomic.using).savepoint_ids:
            mortal.before_commit()
        leave(atomic, kind, fault, trace)

    def sending(transport: Any, request: Any, **options: Any) -> Any:
        what = f"{request.method} {request.url.partition('?')[0]}"
        mortal.before_call(what)
        answer = send(transport, request, **options)
        mortal.after_call(what)
        return answer

    transaction.Atomic.__exit__ = leaving  # type: ignore[method-assign]
    RequestsTransport.send = sending  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
