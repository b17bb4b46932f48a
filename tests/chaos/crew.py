"""Workers as threads of which one runs at a time, from point to point; and their deaths.

A point is where a process may be killed or stopped: before and after each commit, before and after
each call to Azure. These are the database's and the transport's own, so the engine may be written
as it likes. Between two points nobody else runs, which makes a run repeatable by its seed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from azure.core.pipeline.transport import RequestsTransport
from django.db import connections, transaction

HERE = threading.local()
PATIENCE = 120.0  # real seconds: a worker that reaches no point in so long hangs


class Died(BaseException):
    """The process is gone: nothing of ours gets to run any more."""


class Worker:
    """Something that runs from point to point. ``dies_at``: at which of its points it is killed."""

    def __init__(self, name: str, work: Callable[[], Any], dies_at: int | None = None) -> None:
        self.name, self.work, self.dies_at = name, work, dies_at
        self.points: list[str] = []
        self.calls: list[str] = []  # client request ids of what it sent
        self.done = self.died = self.doomed = False
        self.fault: BaseException | None = None
        self._mine, self._theirs = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def where(self) -> str:
        return self.points[-1] if self.points else "not begun"

    def step(self) -> bool:
        """On to its next point. ``False`` when it is over."""
        if self.done:
            return False
        self._mine.release()
        if not self._theirs.acquire(timeout=PATIENCE):
            raise RuntimeError(f"{self.name} hangs after {self.points[-3:]}")
        return not self.done

    def finish(self) -> None:
        while self.step():
            pass

    def kill(self) -> None:
        self.doomed = True
        self.finish()

    def reach(self, point: str, *, stops: bool = True) -> None:
        """Called in its own thread."""
        self.points.append(point)
        if self.dies_at is not None and len(self.points) > self.dies_at:
            self.doomed = True
        if stops and not self.doomed:
            self._theirs.release()
            self._mine.acquire()
        if self.doomed:
            self.died = True
            raise Died(point)

    def _run(self) -> None:
        self._mine.acquire()
        HERE.worker = self
        try:
            if not self.doomed:
                self.work()
        except Died:
            pass
        except Exception as fault:  # noqa: BLE001 - whoever scheduled it says what that means
            self.fault = fault
        finally:
            HERE.worker = None
            connections.close_all()
            self.done = True
            self._theirs.release()


def reach(point: str, *, stops: bool = True) -> None:
    worker = getattr(HERE, "worker", None)
    if worker is not None:
        worker.reach(point, stops=stops)


@contextmanager
def points() -> Iterator[None]:
    """Every commit and every call is a point, for whoever is a worker."""
    leave, send = transaction.Atomic.__exit__, RequestsTransport.send

    def leaving(atomic: Any, kind: Any, fault: Any, trace: Any) -> None:
        outermost = not transaction.get_connection(atomic.using).savepoint_ids
        if outermost and fault is None:
            try:
                reach("before a commit", stops=False)  # the others would wait for its locks
            except Died as died:
                leave(atomic, Died, died, None)
                raise
        leave(atomic, kind, fault, trace)
        if outermost and fault is None:
            reach("after a commit")

    def sending(transport: Any, request: Any, **options: Any) -> Any:
        worker = getattr(HERE, "worker", None)
        what = f"{request.method} {request.url.partition('?')[0].rpartition('/')[2]}"
        reach(f"before {what}")
        if worker is not None:
            worker.calls.append(request.headers.get("x-ms-client-request-id", ""))
        try:
            return send(transport, request, **options)
        finally:
            reach(f"after {what}")

    with (
        patch.object(transaction.Atomic, "__exit__", leaving),
        patch.object(RequestsTransport, "send", sending),
    ):
        yield
