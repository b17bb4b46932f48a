"""``manage.py reconcile``: what the page does, where the page cannot be reached."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from access.anchoring.restorations import lost, waiting
from access.errors import Invalid, NotAllowed, WrongState
from access.models import Person
from access.services.restorations import reconcile


class Command(BaseCommand):
    help = "Says that a database that went back in time was compared with Azure."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--by", required=True, metavar="TENANT/OBJECT", help="an administrator")
        parser.add_argument("--note", required=True, help="what happened; it stands in the ledger")
        parser.add_argument(
            "--even-unasked",
            action="store_true",
            help="although a host or policy never answered what is open there",
        )

    def handle(self, *_args: Any, by: str, note: str, even_unasked: bool, **_options: Any) -> None:
        row = waiting()
        if row is None:
            self.stdout.write("Nothing waits to be reconciled.")
            return
        tenant, _, number = by.partition("/")
        person = Person.objects.filter(tenant_id=tenant, object_id=number).first()
        if person is None:
            raise CommandError(f"Nobody is known as {by}.")
        try:
            reconcile(row, note, by=person, even_unasked=even_unasked)
        except (Invalid, NotAllowed, WrongState) as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(self.style.SUCCESS(f"Reconciled; {lost(row)} stay lost."))
