"""The threads of the embedded portal: web server, worker, schedule."""

import threading
from typing import Any

from celery.beat import EmbeddedService
from celery.worker import WorkController
from waitress.server import create_server

from portal.celery import app
from portal.closer.rounds import Closer, run
from portal.wsgi import application


class Web:
    def __init__(self, port: int) -> None:
        self.server: Any = create_server(
            application, host="127.0.0.1", port=port, threads=8, ident=None
        )
        self.thread = threading.Thread(target=self.server.run, name="web", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.server.close()
        self.thread.join(timeout=2)


class Worker:
    """A real Celery worker with a pool of threads, on the broker in memory."""

    def __init__(self) -> None:
        self.controller: Any = WorkController(
            app=app,
            pool_cls="threads",
            concurrency=4,
            loglevel="WARNING",
            without_mingle=True,
            without_gossip=True,
            without_heartbeat=True,
        )
        self.thread = threading.Thread(target=self.controller.start, name="worker", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.controller.stop()  # lets a look that is under way come to its end
        self.thread.join(timeout=1)


class SecondCloser:
    """As a thread it dies with the others. It is here to be seen at work; in production it is a
    process of its own."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.thread = threading.Thread(
            target=run, args=(self.over, Closer(threads=1)), name="second closer", daemon=True
        )

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.over.set()
        self.thread.join(timeout=1)


class Schedule:
    """Celery's own beat, as a thread, its state in memory: nothing hangs on what it forgets."""

    def __init__(self) -> None:
        self.service: Any = EmbeddedService(
            app, thread=True, max_interval=1, scheduler_cls="portal.timetable:Timetable"
        )

    def start(self) -> None:
        self.service.start()

    def stop(self) -> None:
        self.service.service.stop()  # not waited for: it owns nothing
