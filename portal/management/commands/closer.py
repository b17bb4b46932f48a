"""``manage.py closer``: the second closer, in a process of its own. SIGTERM ends it in order."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal.closer.rounds import Closer, run


class Command(BaseCommand):
    help = "Closes what is overdue, beside the workers: from the database or the manifests."
    requires_migrations_checks = False
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="one round, for cron")

    def handle(self, *_args: Any, once: bool, **_options: Any) -> None:
        closer = Closer()
        if once:
            self.stdout.write(f"One round, by the {closer.round()}.")
            return
        stop = threading.Event()
        for sign in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sign, lambda *_: stop.set())
        run(stop, closer)
