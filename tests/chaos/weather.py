"""Azure says "busy" or "broken" for half a simulated hour, while links come to their end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from azure.core.pipeline.transport import RequestsTransport

from access import ledger, services
from access.models import Gate, Grant, Machine
from access.states import GrantState
from bench.estates import hosts
from tests.chaos.driver import prepared
from tests.chaos.run import Run
from tests.chaos.scenarios import deleted, figures
from tests.support.azure import SimulatedAzure
from tests.support.cast import approved

HOSTS, AFTER, RETRY = 4, 300.0, 60
FAULTS: dict[str, dict[str, Any]] = {
    "busy": {"action": "status", "status": 429, "retry_after": RETRY},
    "broken": {"action": "status", "status": 503},
}


@dataclass
class Traffic:
    """Every call that left this process, by the moved clock."""

    run: Run
    calls: list[tuple[datetime, str, int]] = field(default_factory=list)

    @contextmanager
    def listening(self) -> Iterator[None]:
        send = RequestsTransport.send

        def sending(transport: Any, request: Any, **options: Any) -> Any:
            answer = send(transport, request, **options)
            if "/msi/token" not in request.url:
                what = f"{request.method} {request.url.partition('?')[0].rpartition('/')[2]}"
                self.calls.append((self.run.clock.now(), what, answer.status_code))
            return answer

        with patch.object(RequestsTransport, "send", sending):
            yield

    def impatient(self) -> int:
        """Calls that went out before the wait of an earlier 429 of their kind was over."""
        until: dict[str, datetime] = {}
        count = 0
        for at, what, status in self.calls:
            if at < until.get(what, at):
                count += 1
            if status == 429:
                until[what] = at + timedelta(seconds=RETRY - 1)
        return count


def storm(name: str, links: int, minutes: float) -> int:
    with (
        SimulatedAzure.started() as azure,
        prepared(azure, 1, estate=hosts(HOSTS, -(-(links + 1) // HOSTS))) as run,
    ):
        ends = _open(run, links)
        traffic = Traffic(run)
        with traffic.listening():
            azure.fault(**FAULTS[name])
            begins, known = run.clock.now(), len(deleted(azure.record()))
            _spread(run, minutes)
            _work(run, minutes * 60)
            during = len(traffic.calls)
            gone_early = len(deleted(azure.record())) - known
            azure.mend()
            recovered = run.clock.now()
            _work(run, AFTER)
        return _report(name, run, ends, traffic, (begins, recovered), during, gone_early)


def _open(run: Run, links: int) -> list[int]:
    machines = list(Machine.objects.filter(bastion__isnull=False).order_by("name"))[: links + 1]
    way = {"kind": "link", "minutes": 240}
    grants = [
        approved(vm, by=run.cast.alice, approver=run.cast.bob, port=vm.login_port, **way).pk
        for vm in machines
    ]
    _work(run, 60)
    shut = Grant.objects.filter(pk__in=grants).exclude(state=GrantState.OPEN)
    why = [(g.state, g.close_reason, g.outstanding, g.problem, g.gate.problem) for g in shut[:2]]
    assert not shut, f"{shut.count()} of {len(machines)} are not open: {why}"
    _end_one(run, grants.pop())
    return grants


def _end_one(run: Run, number: int) -> None:
    """So that the closer is signed in, as after any other end within the hour. Else the faults,
    which meet tokens as well, would show how long MSAL remembers them, by a clock of its own."""
    services.end(Grant.objects.get(pk=number), by=run.cast.alice)
    _work(run, 60)
    assert Grant.objects.get(pk=number).state == GrantState.CLOSED


def _spread(run: Run, minutes: float) -> None:
    """Their ends come one after another while Azure does not do what it is asked."""
    grants = list(Grant.objects.filter(state=GrantState.OPEN).order_by("pk"))
    step = minutes * 60 / (len(grants) + 1)
    for number, grant in enumerate(grants, 1):
        grant.ends_at = run.clock.now() + timedelta(seconds=number * step)
        grant.save(update_fields=["ends_at"])


def _work(run: Run, seconds: float) -> None:
    until = run.clock.ahead + seconds
    while run.clock.ahead < until:
        run._everybody()
        run.clock.advance(1.0)


def _report(
    name: str, run: Run, ends: list[int], traffic: Traffic,
    outage: tuple[datetime, datetime], during: int, early: int,
) -> int:  # fmt: skip
    begins, recovered = outage
    gone = deleted(run.azure.record())
    grants = Grant.objects.filter(pk__in=ends).select_related("machine")
    late = {g.pk: gone.get(g.machine.resource_key) for g in grants}
    after = [(at - recovered).total_seconds() for at in late.values() if at]
    past = [(late[g.pk] - g.ends_at).total_seconds() for g in grants if late[g.pk]]  # type: ignore[operator]
    forgotten = [pk for pk, at in late.items() if at is None] + [
        g.pk for g in grants if g.state != GrantState.CLOSED
    ]
    lied = [
        g.pk
        for g in grants
        if g.closed_at and late[g.pk] and g.closed_at < late[g.pk]  # type: ignore[operator]
    ]
    print(f"{name}: {len(ends)} links at {HOSTS} hosts, {outage[1] - begins} without an answer")
    print(figures("gone after Azure answered again", after))
    print(figures("gone after their end", past))
    print(f"gone during the outage: {early}; forgotten: {len(set(forgotten))}")
    print(f"called closed before Azure's record: {len(lied)}")
    gates = Gate.objects.filter(kind="link").count()
    print(
        f"calls during the outage: {during}, at {gates} gates; after it: {_after(traffic, during)}"
    )
    if name == "busy":
        print(f"calls before Retry-After was over, by kind of call: {traffic.impatient()}")
    lines, broken = ledger.verify()
    print(f"the ledger: {lines} lines, {'holds' if broken is None else broken}")
    return 1 if forgotten or lied or broken else 0


def _after(traffic: Traffic, during: int) -> int:
    return len(traffic.calls) - during
