"""Reading the estate from Azure and writing it down: the core's part and each kind's part."""

from dataclasses import dataclass

from celery import shared_task
from django.conf import settings
from django.db import transaction

import jit.estate
import links.estate
from access.clock import db_now
from access.estate import store_hosts, store_machines
from portal.azure.estate import read_estate, read_subscriptions


@dataclass(frozen=True)
class Synced:
    hosts: int
    machines: int
    jit_ports: int


@shared_task(name="portal.sync_estate", ignore_result=True)
def sync_estate_task() -> None:
    """On a schedule, by a worker. A failure waits for the next turn."""
    sync_estate()


def sync_estate() -> Synced:
    """Raises ``Later`` or ``Never`` before anything was written."""
    estate = read_estate(subscriptions())
    with transaction.atomic():
        now = db_now()
        hosts = store_hosts(estate.hosts, at=now)
        machines = store_machines(estate.machines, hosts, at=now)
        ports = jit.estate.store_policies(estate.policies, machines)
        links.estate.store_gates(hosts.values())
    return Synced(len(hosts), len(machines), ports)


def subscriptions() -> dict[str, str]:
    """Name by id: those in ``AZURE_SUBSCRIPTIONS``, or all that the identity may see."""
    found = read_subscriptions()
    wanted = settings.AZURE_SUBSCRIPTIONS or list(found)
    return {key: found.get(key, key) for key in wanted}
