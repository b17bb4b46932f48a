"""``manage.py portal``: the whole portal in the foreground. Ctrl-C ends all of it."""

import signal
import threading
import time
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from access.engine import forget_leases
from access.errors import Later, Never
from access.inventory import AlreadyRunning, forget_runs
from access.models import Person
from access.sessions.turns import forget_turns
from portal.embedded.anchor import anchored
from portal.embedded.guards import CannotStart, only_one, port_free
from portal.embedded.people import seed_people
from portal.embedded.simulator import Simulator


class Command(BaseCommand):
    help = "Runs web, worker, schedule and simulated Azure in the foreground."
    requires_migrations_checks = False

    def handle(self, *_args: Any, **_options: Any) -> None:
        if not settings.AZURE_SIMULATED or not hasattr(settings, "VAR"):
            raise CommandError("This command runs with the embedded settings only.")
        started = time.monotonic()
        stop = threading.Event()
        for sign in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sign, lambda *_: stop.set())
        try:
            self._run(stop, started)
        except CannotStart as reason:
            raise CommandError(str(reason), returncode=3) from reason

    def _run(self, stop: threading.Event, started: float) -> None:
        with only_one(settings.VAR):
            port_free(settings.PORT, variable="PORT", what="the web pages")
            port_free(
                settings.AZURE_SIM_PORT, variable="AZURE_SIM_PORT", what="the simulated Azure"
            )
            settings.STATIC_ROOT.mkdir(exist_ok=True)
            anchored(settings.VAR)
            call_command("migrate", verbosity=0)
            simulator = Simulator(settings.AZURE_SIM_PORT, settings.VAR)
            try:
                simulator.start()
                self._serve(stop, started, simulator)
            finally:
                simulator.stop()

    def _serve(self, stop: threading.Event, started: float, simulator: Simulator) -> None:
        from portal.embedded.outside import seed_outside
        from portal.embedded.parts import Schedule, SecondCloser, Web, Worker
        from portal.embedded.policy import seed_policy

        people = seed_people()
        seed_policy()
        forget_leases()  # we hold the lock: whoever had them is dead
        forget_runs()
        forget_turns()
        self._sync()
        seed_outside()
        parts: list[Any] = [Worker(), Schedule(), SecondCloser(), Web(settings.PORT)]
        for part in parts:
            part.start()
        self._say(people, time.monotonic() - started)
        while not stop.wait(1.0):
            if not simulator.alive:
                self.stderr.write("The simulated Azure has ended; stopping.")
                break
        self.stdout.write("\nStopping …")
        for part in reversed(parts):
            part.stop()
        self.stdout.write("Stopped.")

    def _sync(self) -> None:
        from portal.sync import sync_estate

        try:
            sync_estate()
        except (AlreadyRunning, Later, Never) as error:
            self.stderr.write(f"The estate could not be read: {error} It is tried again later.")

    def _say(self, people: list[Person], seconds: float) -> None:
        bold = self.style.SUCCESS
        self.stdout.write(
            f"\n{bold('Bastion Access')} is ready after {seconds:.1f} s, with simulated Azure.\n\n"
            f"  Open     {bold(f'http://127.0.0.1:{settings.PORT}/')}\n"
            f"  Azure    {settings.AZURE_ENDPOINT}/_control/state\n"
            f"  Data     {settings.VAR}\n\n"
            "  Sign in with one click as:"
        )
        for person in people:
            roles = ", ".join(sorted(person.held_roles))
            self.stdout.write(f"    {person.display_name:<26} {roles}")
        self.stdout.write("\n  Ctrl-C stops everything.\n")
