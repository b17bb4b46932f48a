"""Draining 10,000 links that end at one instant, under ARM's budget: ours, against a raw loop of
the bare SDK that deletes the same one by one, and against the least that the budget allows.

Every answer takes 150 ms, a deletion 12 s as in the recordings of Azure, and the simulator's token
buckets are on as documented: 200 writes at once and 10 more each second, for each principal.

- *The least*, shared hosts: 50 links may be under way at one host, so ``links of a host / 50``
  deletions follow each other, each as long as Azure takes and one answer. The calls themselves fit
  through the bucket meanwhile.
- *The least*, one host each: a link costs the closer one POST, so the closer's bucket binds:
  ``(links - 200) / 10`` seconds, and a deletion. What the reader asks afterwards comes later.
- *The raw loop* does not wait for a deletion to end, which would take it 12 s for each link, and
  goes round the hosts, so that it never meets the rule of 50: its best form. It needs no more than
  one call in 150 ms, and the bucket lets that through, so its rate is steady and is extrapolated.
"""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta
from typing import Any

from bench import results
from bench.estates import SUBSCRIPTION, hosts
from bench.house import LATENCY, House, house, wait_for
from bench.links_at_once import (
    SOON,
    Lateness,
    be_settled,
    end_at,
    lateness,
    left,
    machines_for,
    now,
    unclosed,
)
from bench.seeding import Template, open_links, template

LINKS, HOSTS, RAW = 10_000, 20, 1000
ALONE = 1000  # hosts with one link each
DELETING = 12.0  # s: Azure, as recorded
UNDER_WAY, BUCKET, RATE = 50, 200, 10
WORKERS = 2


def main(wanted: list[str] | None = None) -> None:
    """``shared`` or ``alone``: one of the two."""
    import subprocess

    if wanted:
        {"shared": _shared, "alone": _alone}[wanted[0]]()
        return
    for part in ("shared", "alone"):  # each in a process of its own, with a house of its own
        code = f"import bench.drain as b; b.main(['{part}'])"
        subprocess.run([sys.executable, "-c", code], check=False, timeout=1200)


def _shared() -> None:
    with house(hosts(HOSTS, LINKS // HOSTS + 1)) as made:
        like = _prepared(made)
        raw = _raw_loop(made) * LINKS / RAW
        print(f"raw loop of the bare SDK       {raw:>8.0f} s  for {LINKS:,}, from {RAW:,} measured")
        took, found = _ours(made, like, LINKS)
        least = LINKS / HOSTS / UNDER_WAY * (DELETING + LATENCY)
        print(f"ours                           {took:>8.1f} s  {raw / took:.1f} x faster; {found}")
        print(f"least that the rule of 50 allows {least:>6.1f} s  ours is {took / least:.2f} of it")
        results.report(
            "must show 4", f"{LINKS:,} links end at once: against a raw loop", "≥ 10 x faster",
            f"{took:.0f} s against {raw:.0f} s: {raw / took:.1f} x, {found.forgotten} lost",
            met=raw / took >= 10 and not found.forgotten,
        )  # fmt: skip
        results.report(
            "must show 4", f"{LINKS:,} links end at once: against the least", "≤ 1.2 x the least",
            f"{took:.0f} s, least {least:.0f} s: {took / least:.2f} x",
            met=took / least <= 1.2,
        )  # fmt: skip


def _alone() -> None:
    with house(hosts(ALONE + 1, 1)) as made:
        like = _prepared(made)
        took, found = _ours(made, like, ALONE)
        least = (ALONE - BUCKET) / RATE + DELETING + LATENCY
        bound = f"{took:.0f} s, least {least:.0f} s: {took / least:.2f} x, {found.forgotten} lost"
        print(f"one host each, {ALONE} links: {bound}; {found}")
        results.report(
            "R-04", f"{ALONE} links, one host each; the closer's bucket binds",
            "≤ 1.15 x the least, 0 lost", bound,
            met=took / least <= 1.15 and not found.forgotten,
        )  # fmt: skip


def _prepared(made: House) -> Template:
    from portal.sync import sync_estate

    sync_estate()
    like = template()
    made.slow_down()
    made.azure.control("POST", "pace", {"link_delete": DELETING})
    return like


def _raw_loop(made: House) -> float:
    """Seconds for RAW links, one call each, one after the other."""
    client, machines = _bare_sdk(), machines_for(RAW)
    wanted = [{"bastion": m.bastion.resource_id, "vm": m.resource_id} for m in machines]
    made.azure.control("POST", "hand", {"add_links": wanted})
    made.azure.control("POST", "budget", {})
    began = time.perf_counter()
    for machine in machines:
        host = machine.bastion
        client.begin_delete_bastion_shareable_link(
            host.resource_group, host.name, {"vms": [{"vm": {"id": machine.resource_id}}]},
            polling=False,
        )  # fmt: skip
    took = time.perf_counter() - began
    assert wait_for(lambda: left(made) <= 1, seconds=60), "the raw loop left links"
    return took


def _bare_sdk() -> Any:
    """Its own retries, nothing of ours but the leave to send a token over plain http."""
    from azure.mgmt.network import NetworkManagementClient
    from django.conf import settings

    from portal.azure.door import LoopbackAuthentication, credential_of

    scope = "https://management.azure.com/.default"
    known = credential_of(settings.AZURE_CLOSER_CLIENT_ID)
    return NetworkManagementClient(
        known, SUBSCRIPTION, base_url=settings.AZURE_ENDPOINT, credential_scopes=[scope],
        authentication_policy=LoopbackAuthentication(known, scope),
    )  # fmt: skip


def _ours(made: House, like: Template, count: int) -> tuple[float, Lateness]:
    """(seconds from the one deadline until the last was gone, each one's lateness)."""
    from access import engine

    machines = machines_for(count)
    before = made.azure.control("GET", "record?since=999999999")["last"]
    grants = open_links(made, like, machines, [now() + timedelta(hours=2)] * count)
    made.start_workers(WORKERS)
    try:
        be_settled(grants)
        made.azure.control("POST", "budget", {})
        end = now() + timedelta(seconds=SOON)
        end_at(made, grants, [end] * count)
        due: dict[str, datetime] = {machine.resource_key: end for machine in machines}
        time.sleep(max(0.0, (end - now()).total_seconds()))
        wait_for(lambda: left(made) <= 1, seconds=400)
        found = lateness(made, due, before)
        wait_for(lambda: unclosed() <= 1, seconds=30)
        told = made.azure.control("GET", "calls")
        print(f"calls: {told['calls']}, throttled {len(told['throttled'])}")
        return max(found.late, default=float("inf")), found
    finally:
        made.stop_all()
        engine.forget_leases()


if __name__ == "__main__":
    main(sys.argv[1:])
