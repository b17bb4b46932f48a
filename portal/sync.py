"""Reading the estate from Azure and writing it down: the core's part and each kind's part.

Page by page, each page in a transaction of its own: memory does not grow with the estate, and a
reading that is cut off has harmed nothing. What a page lacks is not taken for deleted; see
``access.inventory``.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from celery import shared_task
from django.conf import settings

import jit.estate
import jit.outside.estate
import links.estate
from access import inventory
from access.errors import Later, Never
from access.models import SyncRun
from portal.azure.estate import read_policies, read_subscriptions
from portal.azure.reading import facts, graph
from portal.azure.reading.machines import with_interfaces
from portal.azure.reading.reach import Networks
from portal.estate.judging import judge_estate

logger = logging.getLogger(__name__)
Row = dict[str, Any]
ITEMS = (
    ("security groups", graph.NSGS, facts.nsg),
    ("public addresses", graph.PUBLIC_IPS, facts.public_ip),
    ("interfaces", graph.INTERFACES, facts.interface),
)


@shared_task(name="portal.sync_estate", ignore_result=True)
def sync_estate_task(*, force: bool = False) -> None:
    """On a schedule, by a worker. Due is asked of the database: neither a restart nor a failure
    puts it off. A failure is written down and waits for the next turn. ``force``: somebody ordered
    it, so it is due now."""
    if not force and inventory.read_lately(settings.ESTATE_SECONDS):
        return
    try:
        sync_estate()
    except inventory.AlreadyRunning:
        logger.info("the estate is being read already")
    except (Later, Never) as error:
        logger.warning("the estate could not be read: %s", error)


def sync_estate(*, accept_absences: bool = False) -> SyncRun:
    """Read all of it now. Raises ``AlreadyRunning``, or ``Later`` or ``Never`` when Azure does;
    what was read until then stands, and nothing is counted as missing."""
    run = inventory.begin_run()
    try:
        Reading(run, subscriptions()).all()
    except (Later, Never) as error:
        inventory.end_run(run, problem=str(error), complete=False)
        raise
    absent = inventory.settle_absences(run, accept=accept_absences)
    jit.estate.settle_absences(run.pk)
    jit.outside.estate.refresh()
    inventory.turn_page(run, phase="checks", rows=0, changed=0)
    judge_estate(run.pk)
    inventory.end_run(run, problem=absent.problem, complete=True)
    run.refresh_from_db()
    return run


class Reading:
    """One pass over the estate. What is kept between pages is small: networks and hosts."""

    def __init__(self, run: SyncRun, named: dict[str, str]) -> None:
        self.run, self.named, self.subscriptions = run, named, sorted(named)
        self.networks, self.hosts = Networks(), list[Row]()

    def all(self) -> None:
        """Networks before hosts, and both before machines: each needs what came before."""
        for page in graph.pages(graph.NETWORKS, self.subscriptions):
            rows = [facts.network(row) for row in page]
            for row in rows:
                self.networks.add(row)
            self._store("networks", rows, inventory.store_items)
        for phase, kind, read in ITEMS:
            for page in graph.pages(kind, self.subscriptions):
                self._store(phase, [read(row) for row in page], inventory.store_items)
        for page in graph.pages(graph.BASTION_HOSTS, self.subscriptions):
            self._store("Bastion hosts", [self._host(row) for row in page], inventory.store_hosts)
        links.estate.store_gates(inventory.hosts_by_key().values())
        self._machines()
        self._policies()

    def _host(self, row: Row) -> Row:
        host = facts.host(row)
        self.hosts.append(host)
        subnet = host["facts"]["subnet"].lower()
        return {**host, "subnet_prefix": self.networks.bastion_prefix.get(subnet, "")}

    def _machines(self) -> None:
        reach = self.networks.reached_by(self.hosts)
        ids = {key: host.pk for key, host in inventory.hosts_by_key().items()}
        bastions = {network: ids.get(host.lower()) for network, host in reach.items()}
        for page in graph.pages(graph.VIRTUAL_MACHINES, self.subscriptions):
            wanted = [facts.primary_interface(row) for row in page]
            interfaces = inventory.items_by_key(wanted)
            known = {key: item.facts for key, item in interfaces.items()}
            rows = with_interfaces(page, known, bastions, self.networks.subnet_nsg, self.named)
            self._store("machines", rows, inventory.store_machines)

    def _policies(self) -> None:
        for subscription in self.subscriptions:
            for policy in read_policies(subscription):
                listed = [entry.id for entry in policy.virtual_machines or []]
                machines = inventory.machines_by_key(listed)
                guarded = jit.estate.store_policy(policy, machines, seen_in=self.run.pk)
                inventory.turn_page(self.run, phase="JIT policies", rows=guarded, changed=0)

    def _store(
        self, phase: str, rows: Sequence[Row], store: Callable[[Sequence[Row], SyncRun], int]
    ) -> None:
        changed = store(rows, self.run)
        inventory.turn_page(self.run, phase=phase, rows=len(rows), changed=changed)


def subscriptions() -> dict[str, str]:
    """Name by id: those in ``AZURE_SUBSCRIPTIONS``, or all that the identity may see."""
    found = read_subscriptions()
    wanted = settings.AZURE_SUBSCRIPTIONS or list(found)
    return {key: found.get(key, key) for key in wanted}
