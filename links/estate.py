"""Giving each Bastion host that can have links its gate."""

from collections.abc import Iterable

from access.inventory import gate_for
from access.models import BastionHost
from links.models import LinkHost
from portal.azure.checks.skus import Feature, allows


def store_gates(hosts: Iterable[BastionHost]) -> None:
    for host in hosts:
        if allows(host.sku, Feature.SHAREABLE_LINKS):
            gate = gate_for(kind="link", resource_id=host.resource_id, name=host.name)
            LinkHost.objects.update_or_create(host=host, defaults={"gate": gate})
