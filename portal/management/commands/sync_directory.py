"""``manage.py sync_directory``: read people and roles from Microsoft Graph now."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.directory.graph import Unknown
from portal.directory.reading import Directory
from portal.directory.sync import sync_directory
from portal.models import DirectoryReading


class Command(BaseCommand):
    help = "Reads people, roles and managers from the directory (Microsoft Graph)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--believe", action="store_true", help="also an answer by which most people lose roles"
        )

    def handle(self, *_args: Any, believe: bool = False, **_options: Any) -> None:
        try:
            done = sync_directory(_anything) if believe else sync_directory()
        except Unknown as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{done.people} people: {done.created} new, {done.changed} changed, "
            f"{done.disabled} made inactive"
        )
        reading = DirectoryReading.objects.get()
        self.stdout.write(f"Step-up: {STEP_UP[reading.step_up_guarded]}")
        if reading.problem:
            self.stderr.write(reading.problem)


def _anything(_read: Directory) -> None:
    """Somebody looked at it."""


STEP_UP = {
    True: "a Conditional Access policy stands behind it",
    False: "no Conditional Access policy stands behind it",
    None: "not known, or not set up",
}
