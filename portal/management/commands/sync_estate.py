"""``manage.py sync_estate``: read machines, Bastion hosts and JIT policies from Azure now."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from access.errors import Later, Never
from access.inventory import AlreadyRunning
from access.models import BastionHost, Machine
from jit.models import JitPort
from portal.sync import sync_estate


class Command(BaseCommand):
    help = "Reads machines, Bastion hosts and JIT policies from Azure."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--accept-absences",
            action="store_true",
            help="count what is missing as missing, however much it is",
        )

    def handle(self, *_args: Any, accept_absences: bool, **_options: Any) -> None:
        try:
            run = sync_estate(accept_absences=accept_absences)
        except (AlreadyRunning, Later, Never) as error:
            raise CommandError(str(error)) from error
        if run.problem:
            hint = "If they are really gone: sync_estate --accept-absences"
            self.stderr.write(f"{run.problem} {hint}")
        self.stdout.write(
            f"{run.rows} rows on {run.pages} pages, {run.changed} changed: "
            f"{_known(Machine)} machines, {_known(BastionHost)} Bastion hosts, "
            f"{JitPort.objects.count()} ports guarded by JIT"
        )


def _known(model: type[Machine] | type[BastionHost]) -> int:
    return model._default_manager.filter(gone_at__isnull=True).count()
