"""Redis or PostgreSQL is away while links come to their end: real processes, real minutes. Figures
are of Azure's own record."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

from bench.estates import hosts
from tests.chaos.house import EVERY, OVERDUE, House, house
from tests.chaos.scenarios import deleted, figures
from tests.support.product import eventually

HOSTS = 4
STAFF = ("web", "worker", "worker2", "sweeper", "notifier", "beat", "closer")
ASK = """
from access.models import Machine, Person
from portal.sync import sync_estate
from tests.support.cast import Cast, approved
cast = Cast.create()
Person.objects.update(tenant_id="demo")
sync_estate()
for machine in Machine.objects.filter(bastion__isnull=False).order_by("name")[:{links}]:
    approved(machine, by=cast.alice, approver=cast.bob, kind="link", port=22, minutes=240)
"""


def outage(what: str, links: int, minutes: float) -> int:
    with house(hosts(HOSTS, -(-links // HOSTS))) as made:
        for name in STAFF:
            made.start(name)
        made.manage("shell", "-v", "0", "-c", ASK.format(links=links))
        eventually(lambda: made.count("open") == links, seconds=240)
        time.sleep(EVERY)
        ends = _spread(made, minutes)
        time.sleep(5)
        begins = datetime.now(UTC)
        _stop(made, what)
        time.sleep(minutes * 60)
        before = len(deleted(made.azure.record()))
        _start(made, what)
        back = datetime.now(UTC)
        eventually(lambda: made.count("closed") == links, seconds=300)
        return _report(made, what, ends, (begins, back), before)


def _stop(made: House, what: str) -> None:
    if what == "redis":
        made.redis.kill()
    else:
        made.database.stop()


def _start(made: House, what: str) -> None:
    (made.redis if what == "redis" else made.database).start()


def _spread(made: House, minutes: float) -> dict[str, datetime]:
    """Ends one after another, from the outage's beginning to its end. What is written down of them
    outside, as when they were opened, is written anew."""
    made.database.ask(
        "UPDATE access_grant g SET ends_at = now() + make_interval(secs => 10 + n.k * %s) FROM"
        " (SELECT id, row_number() OVER (ORDER BY id) AS k FROM access_grant WHERE kind = 'link') n"
        " WHERE n.id = g.id",
        (minutes * 60 - 20) / max(1, made.count("open")),
    )
    made.manage(
        "shell", "-v", "0", "-c",
        "from access.anchoring import manifest\nfrom access.models import Gate\n"
        "for gate in Gate.objects.filter(kind='link'): manifest.after_look(gate)",
    )  # fmt: skip
    rows = made.database.ask(
        "SELECT m.resource_key, g.ends_at FROM access_grant g JOIN access_machine m"
        " ON m.id = g.machine_id WHERE g.kind = 'link'"
    )
    return dict(rows)  # type: ignore[arg-type]


def _report(
    made: House,
    what: str,
    ends: dict[str, datetime],
    outage: tuple[datetime, datetime],
    before: int,
) -> int:
    rows = made.azure.record()
    gone = deleted(rows)
    late = [(gone[key] - end).total_seconds() for key, end in ends.items() if key in gone]
    closers = [r["principal"] for r in rows if r["operation"] == "link.delete"]
    forgotten = [key for key in ends if key not in gone]
    seconds = (outage[1] - outage[0]).total_seconds()
    print(f"{what} was away for {seconds:.0f} s; {len(ends)} links came to their end meanwhile")
    print(figures("gone after their end", late))
    print(f"gone while it was away: {before}; forgotten: {len(forgotten)}")
    calls = {name: closers.count(name) for name in sorted(set(closers))}
    print(f"calls to delete, by identity: {calls}")
    print(f"the second closer takes what is {OVERDUE:.0f} s overdue, and looks every {EVERY:.0f} s")
    told = made.manage("verify_ledger")
    print("the ledger:", re.sub(r"\s+", " ", told).strip())
    return 1 if forgotten else 0
