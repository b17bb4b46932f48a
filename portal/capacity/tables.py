"""Tables of the capacity pages to take away."""

from collections.abc import Iterable, Iterator, Sequence

from access.views.exports import answer
from portal.capacity.hosts import HostLine
from portal.capacity.prices import Prices
from portal.capacity.retiring import Retiring

__all__ = ["answer", "hosts", "steps"]

HOST_COLUMNS = (
    "host", "resource_id", "region", "sku", "scale_units", "carries_rdp", "carries_ssh",
    "sessions_now", "rdp_now", "ssh_now", "peak_sessions", "peak_sessions_at", "peak_units",
    "peak_grants", "peak_grants_at", "worst_at", "worst_rdp", "worst_ssh", "units_needed",
    "verdict", "links", "month", "currency",
)  # fmt: skip
STEP_COLUMNS = ("machine", "resource_id", "public_address", "step", "title", "done", "evidence")


def hosts(found: Iterable[HostLine], prices: Prices | None) -> Iterator[Sequence[object]]:
    yield HOST_COLUMNS
    for line in found:
        host, past, held, worst = line.host, line.sessions, line.grants, line.worst
        yield (
            host.name, host.resource_id, host.region, host.sku, line.units, *line.carries,
            line.now.count, line.now.rdp, line.now.ssh,
            past.most.count, past.most.at.isoformat() if past.most.count else "", past.units,
            held.most.count, held.most.at.isoformat() if held.most.count else "",
            worst.at.isoformat() if worst.count else "", worst.rdp, worst.ssh, line.needed,
            line.status.text, line.links,
            "" if line.month is None else line.month, prices.currency if prices else "",
        )  # fmt: skip


def steps(found: Iterable[Retiring]) -> Iterator[Sequence[object]]:
    yield STEP_COLUMNS
    for each in found:
        for number, step in enumerate(each.checklist.steps, start=1):
            done = "done" if step.done else "not done"
            own = (each.machine.name, each.machine.resource_id, each.address)
            yield (*own, number, step.title, done, step.evidence)
