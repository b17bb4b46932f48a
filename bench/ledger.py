"""The ledger beside its baseline: appending a line against a plain insert, and verifying."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from bench.places import folder

LINES = 1000


def main() -> None:
    prepare()
    from django.db import transaction

    from access import ledger
    from access.clock import db_now
    from access.models import Heartbeat

    def append(number: int) -> None:
        with transaction.atomic():
            ledger.record("bench.line", by="bench", data={"number": number})

    def insert(number: int) -> None:
        with transaction.atomic():
            Heartbeat.objects.create(name=f"bench-{number}", at=db_now())

    base, chained = _rate(insert), _rate(append)
    began = time.perf_counter()
    count, broken = ledger.verify()
    verified = count / (time.perf_counter() - began)
    assert broken is None
    print(f"plain insert      {base:>8.0f} a second")
    print(f"ledger line       {chained:>8.0f} a second   {chained / base:.2f} of the plain insert")
    print(f"verify            {verified:>8.0f} lines a second")


def _rate(act: Callable[[int], None]) -> float:
    began = time.perf_counter()
    for number in range(LINES):
        act(number)
    return LINES / (time.perf_counter() - began)


def prepare() -> None:
    """An empty database of the embedded kind, in a folder of its own."""
    var = folder()
    os.environ["BASTION_ACCESS_VAR"] = str(var)
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings.embedded"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
