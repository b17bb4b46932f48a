"""``manage.py verify_identities``: may each of the portal's identities do what it needs to do in
Azure, and nothing that it must not? Exit status 1 where not."""

from contextlib import nullcontext
from json import dumps as to_json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from access.errors import Later, Never
from portal.azure.door import acting_as
from portal.azure.permissions import verify
from portal.azure.roles import Identity
from portal.estate.identities import all_good, as_rows, as_text
from portal.sync import subscriptions


class Command(BaseCommand):
    help = "Asks Azure what the portal's identities may do, and compares with what they need."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs")
        parser.add_argument(
            "--only", choices=[*Identity], help="in a process that has this identity alone"
        )

    def handle(self, *_args: Any, json: bool, only: str | None, **_options: Any) -> None:
        one = Identity(only) if only else None
        try:
            with acting_as(one) if one else nullcontext():
                named = subscriptions()
        except (Later, Never) as setback:
            raise CommandError(f"The subscriptions cannot be listed: {setback}") from setback
        verdicts = verify(named, [one] if one else list(Identity))
        good = all_good(verdicts)
        told = {"ok": good, "verdicts": as_rows(verdicts)}
        self.stdout.write(to_json(told, indent=2) if json else as_text(verdicts, named))
        if not verdicts:
            raise CommandError("The reader sees no subscription.")
        if not good:
            raise CommandError("Not every identity has what it needs and nothing else.")
