"""``manage.py verify_azure``: reads the estate anew and says what is wrong, host by host, and
whether the portal's own identities may do what they need and nothing else.

Exit status: 0 nothing fails, 1 something does, 2 it could not be read or there is no such host.
"""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from access.errors import Later, Never
from access.inventory import AlreadyRunning, last_reading
from access.preflight import Level
from access.presenters.preflight import counted
from portal.azure.permissions import Verdict, verify
from portal.estate.identities import all_good, as_rows, as_text
from portal.estate.judging import judge_estate
from portal.estate.report import Part, as_json, lines, parts, tally
from portal.sync import subscriptions, sync_estate

MARKS = {
    Level.PASS: "ok     ",
    Level.UNKNOWN: "unknown",
    Level.WARN: "WARN   ",
    Level.FAIL: "FAIL   ",
}


class Command(BaseCommand):
    help = "Checks every Bastion host, network and machine; exit status 1 when something fails."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="all of it, for programs")
        parser.add_argument("--host", default="", metavar="NAME", help="this Bastion host alone")
        parser.add_argument(
            "--no-sync", action="store_true", help="judge what was read before; ask Azure nothing"
        )

    def handle(self, *_args: Any, host: str, no_sync: bool, **options: Any) -> None:
        _judge_again() if no_sync else _read()
        found = parts(host)
        if host and not found:
            raise CommandError(f"There is no Bastion host {host}.", returncode=2)
        counts = tally(found)
        verdicts = [] if host or no_sync else _ask_identities()
        if options["json"]:
            self._write_json(found, counts, verdicts)
        else:
            self._write_table(found, counts)
            self.stdout.write(as_text(verdicts, {}))
        if counts[Level.FAIL] or (verdicts and not all_good(verdicts)):
            sys.exit(1)

    def _write_json(
        self, found: list[Part], counts: dict[Level, int], verdicts: list[Verdict]
    ) -> None:
        run = last_reading()
        told = {
            "read_at": run.started_at.isoformat() if run else None,
            "counts": counts,
            "hosts": as_json(found),
            "identities": as_rows(verdicts),
        }
        self.stdout.write(json.dumps(told, indent=2))

    def _write_table(self, found: list[Part], counts: dict[Level, int]) -> None:
        styles = {Level.FAIL: self.style.ERROR, Level.WARN: self.style.WARNING}
        for level, line in lines(found):
            mark = styles.get(level, str)(MARKS[level])
            self.stdout.write(f"{mark} {line}")
        self.stdout.write(f"\nHosts, networks and machines: {counted(counts)}.")


def _read() -> None:
    try:
        sync_estate()
    except (AlreadyRunning, Later, Never) as error:
        raise CommandError(str(error), returncode=2) from error


def _ask_identities() -> list[Verdict]:
    """What the portal itself may do; asked only where Azure is asked at all."""
    try:
        return verify(subscriptions())
    except (Later, Never) as error:
        raise CommandError(str(error), returncode=2) from error


def _judge_again() -> None:
    run = last_reading()
    judge_estate(run.pk if run else 0)
