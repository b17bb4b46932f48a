"""``manage.py azure_roles``: write the role definitions of the portal's identities."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal.azure import roles


class Command(BaseCommand):
    help = "Writes the custom roles that the portal's identities need, for `az` to create."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--subscription",
            action="append",
            default=[],
            metavar="ID",
            help="where the roles may be assigned; may be repeated",
        )
        parser.add_argument("--directory", type=Path, default=roles.FILES)
        parser.add_argument("--table", action="store_true", help="the table of docs/azure.md")

    def handle(
        self,
        *_args: Any,
        subscription: list[str],
        directory: Path,
        table: bool,
        **_options: Any,
    ) -> None:
        if table:
            self.stdout.write(roles.table())
            return
        directory.mkdir(parents=True, exist_ok=True)
        for identity in roles.Identity:
            file = directory / f"{identity}.json"
            file.write_text(roles.as_text(identity, subscription), encoding="utf-8")
            self.stdout.write(str(file))
