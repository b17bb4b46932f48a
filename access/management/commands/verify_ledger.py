"""``manage.py verify_ledger``: recompute the whole chain, and compare it with the checkpoint
outside the database. Exit status 1 at the first break."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from access import ledger
from access.anchoring import checkpoints
from access.anchoring.documents import Forged
from access.anchoring.store import NotKept


class Command(BaseCommand):
    help = "Recomputes every hash of the ledger and compares."

    def handle(self, *_args: Any, **_options: Any) -> None:
        count, broken = ledger.verify()
        if broken is not None:
            raise CommandError(f"The ledger is broken at line {broken.seq}: {broken.problem}.")
        self.stdout.write(self.style.SUCCESS(f"The ledger holds: {count} lines verified."))
        self._outside()

    def _outside(self) -> None:
        try:
            mark, broken = checkpoints.against_outside()
        except NotKept as error:
            raise CommandError(f"The checkpoint outside cannot be read: {error}") from error
        except Forged as error:
            raise CommandError("The checkpoint outside is none of the portal's.") from error
        if broken is not None:
            raise CommandError(f"The ledger differs at line {broken.seq}: {broken.problem}.")
        if mark is not None:
            when = f"{mark.at:%Y-%m-%d %H:%M:%S} UTC"
            self.stdout.write(f"It has line {mark.seq}, the checkpoint of {when}.")
