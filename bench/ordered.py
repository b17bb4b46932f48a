"""What people order, in the production shape, by the simulator's record: from an approval until
Azure has received the call; an early end; closing everything with 1,000 links open.

Orders are given to the services in this process, which has the settings, the database and the
broker of the web process: what HTTP adds stands under ``opening``. Baseline: the bare SDK.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median, quantiles
from typing import Any

from bench import results
from bench.drain import _bare_sdk
from bench.estates import hosts
from bench.house import House, house, wait_for
from bench.links_at_once import HOSTS, left, machines_for, now
from bench.seeding import Template, open_links, template
from tests.support.product import eventually

ROUNDS = 25
OPEN = 1000


def main() -> None:
    with house(hosts(HOSTS, OPEN // HOSTS + 6)) as made:
        from portal.sync import sync_estate

        sync_estate()
        like = template()
        made.start_workers(2)
        time.sleep(15)  # until they are up and have looked once
        try:
            _approvals(made, like)
            made.slow_down()
            _early_ends(made, like)
            _everything(made, like)
        finally:
            made.stop_all()


def _rows(made: House, operation: str, since: int = 0) -> list[dict[str, Any]]:
    rows = made.azure.control("GET", f"record?since={since}")["record"]
    return [row for row in rows if row["operation"] == operation]


def _last(made: House) -> int:
    return int(made.azure.control("GET", "record?since=999999999")["last"])


def _p(found: Sequence[float], percent: int) -> float:
    return quantiles(found, n=100)[percent - 1]


def _approvals(made: House, like: Template) -> None:
    """Azure takes no time here: what is seen is ours, and the way to it."""
    from access import services
    from access.models import Person
    from tests.support.cast import ask

    approver = Person.objects.get(display_name="Approver")
    base = median(_bare(made) for _ in range(ROUNDS))
    found = []
    for number, machine in enumerate(machines_for(ROUNDS)):
        by = like.engineers[number % len(like.engineers)]
        asked, before = ask(machine, by=by, kind="link"), _last(made)
        approved = now()
        services.approve(asked, by=approver, terms_digest=asked.terms_digest)
        eventually(lambda before=before: bool(_rows(made, "link.create", before)), seconds=30)
        came = datetime.fromisoformat(_rows(made, "link.create", before)[0]["at"])
        found.append((came - approved).total_seconds())
        time.sleep(0.3)
    fifty, most = _p(found, 50), _p(found, 95)
    print(f"bare SDK, one call                  {base * 1000:>8.0f} ms")
    print(f"approval to Azure's receipt, p50    {fifty * 1000:>8.0f} ms  {fifty / base:.0f} x")
    print(f"                             p95    {most * 1000:>8.0f} ms  {most / base:.0f} x")
    results.report("overhead", "approval until Azure received the call", "-",
                   f"p50 {fifty * 1000:.0f} ms, p95 {most * 1000:.0f} ms; the bare SDK's call "
                   f"{base * 1000:.0f} ms", met=None)  # fmt: skip


def _bare(made: House) -> float:
    """Until the record has it: a deletion of nothing, which is received like any other."""
    machine = machines_for(1)[0]
    client, host, before = _bare_sdk(), machine.bastion, _last(made)
    body = {"vms": [{"vm": {"id": machine.resource_id}}]}
    began = now()
    client.begin_delete_bastion_shareable_link(host.resource_group, host.name, body, polling=False)
    came = _rows(made, "link.delete", before)[0]["at"]
    return max(0.001, (datetime.fromisoformat(came) - began).total_seconds())


def _early_ends(made: House, like: Template) -> None:
    """R-17: with somebody connected to each, until the link is gone and they are out. The portal
    has read its hosts since they came, as after some seconds it has."""
    from access import services
    from access.models import Grant, LiveSession, Person

    machines = machines_for(ROUNDS)
    grants = open_links(made, like, machines, [now() + timedelta(hours=2)] * ROUNDS)
    for machine in machines:
        where = {"bastion": machine.bastion.resource_id, "vm": machine.resource_id}
        made.azure.control("POST", "sessions", {**where, "protocol": "SSH", "force": True})
    live = LiveSession.objects.filter(ended_at__isnull=True)
    eventually(lambda: live.count() == len(machines), seconds=90)
    found = []
    for grant in grants:
        before, ordered = _last(made), now()
        by = Person.objects.get(pk=Grant.objects.get(pk=grant.pk).access_request.requester_id)
        services.end(Grant.objects.get(pk=grant.pk), by=by)
        if not wait_for(lambda before=before: _is_out(made, before), seconds=60):
            found.append(60.0)
            continue
        ends = [row["at"] for what in GONE for row in _rows(made, what, before)]
        found.append((datetime.fromisoformat(max(ends)) - ordered).total_seconds())
    fifty, most = _p(found, 50), _p(found, 99)
    print(f"early end to link gone and out: p50 {fifty:.2f} s, p99 {most:.2f} s")
    results.report("R-17", "early end: link gone and session out", "p50 ≤ 2 s, p99 ≤ 10 s",
                   f"p50 {fifty:.1f} s, p99 {most:.1f} s",
                   met=fifty <= 2 and most <= 10)  # fmt: skip


GONE = ("link.deleted", "session.disconnected")


def _is_out(made: House, before: int) -> bool:
    return all(_rows(made, what, before) for what in GONE)


def _everything(made: House, like: Template) -> None:
    """R-18: the order stops what would open, the confirmation ends what is open."""
    from access import services
    from access.errors import AccessError
    from access.models import Person, Role
    from access.services.lockdowns import confirm, order
    from tests.support.cast import ask, person

    one, two = person("First admin", Role.ADMIN), person("Second admin", Role.ADMIN)
    waiting, *machines = machines_for(OPEN + 1)
    open_links(made, like, machines, [now() + timedelta(hours=2)] * OPEN)
    asked = ask(waiting, by=like.engineers[0], kind="link")
    began = time.perf_counter()
    standing = order("all", "", "A bench", by=one)
    try:
        approver = Person.objects.get(display_name="Approver")
        services.approve(asked, by=approver, terms_digest=asked.terms_digest)
        refused = False
    except AccessError:
        refused = True
    blocked, before = time.perf_counter() - began, _last(made)
    confirmed = now()
    confirm(standing, by=two)
    gone = wait_for(lambda: left(made) == 0, seconds=240)
    ends = [datetime.fromisoformat(row["at"]) for row in _rows(made, "link.deleted", before)]
    took = (max(ends) - confirmed).total_seconds() if ends else float("inf")
    opened = len(_rows(made, "link.create", before))
    figure = f"last of {len(ends):,} after {took:.0f} s; opens refused after {blocked:.2f} s, {opened} opened"  # noqa: E501
    print(f"everything closed: {figure}")
    results.report("R-18", f"close everything, {OPEN:,} links open", "≤ 60 s, opens blocked ≤ 1 s",
                   figure, met=gone and took <= 60 and refused and blocked <= 1
                   and not opened)  # fmt: skip


if __name__ == "__main__":
    main()
