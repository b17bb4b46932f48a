"""Print which role gives which power, as Markdown."""

from typing import Any

from django.core.management.base import BaseCommand

from access.policy.words import markdown


class Command(BaseCommand):
    requires_system_checks = []
    help = "Print the table of permissions as docs/permissions.md holds it."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        self.stdout.write(markdown(), ending="")
