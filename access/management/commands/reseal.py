"""``manage.py reseal``: seal with the newest of FIELD_KEYS what older ones sealed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from access.models import Endpoint
from access.sealed import Unreadable, reseal

SEALED = ("address", "secret", "old_secret")


class Command(BaseCommand):
    help = "Seals endpoints' addresses and secrets with the newest key. Safe to repeat."

    def handle(self, *_args: Any, **_options: Any) -> None:
        with transaction.atomic():
            endpoints = list(Endpoint.objects.select_for_update().order_by("pk"))
            for endpoint in endpoints:
                self._reseal(endpoint)
        self.stdout.write(f"Sealed anew: {len(endpoints)} endpoints.")

    def _reseal(self, endpoint: Endpoint) -> None:
        try:
            for name in SEALED:
                if token := getattr(endpoint, name):
                    setattr(endpoint, name, reseal(token))
        except Unreadable as problem:
            raise CommandError(f"{endpoint.name}: {problem}") from problem
        endpoint.save(update_fields=list(SEALED))
