"""What a reading of the estate says of machines outside it: their gate, and what keeps them shut.

They are in no page of Azure's, so nothing here says whether they exist.
"""

from collections.abc import Iterable

from access.inventory import gate_for
from access.models import Machine
from access.sites import Estate
from jit.outside.guard import kept_shut_by, way_of
from jit.outside.models import OutsideTarget
from jit.outside.preflight import gate_of, rules_of
from portal.azure.checks.facts import Site
from portal.azure.checks.ids import name_of

KIND = "address"


def refresh() -> int:
    """After each reading. Returns how many changed."""
    live = OutsideTarget.objects.filter(machine__gone_at__isnull=True)
    return refresh_these(live.select_related("machine__bastion").order_by("pk"))


def refresh_these(targets: Iterable[OutsideTarget]) -> int:
    found, estate = list(targets), Estate()
    estate.add([target.machine for target in found])
    sites = [Site.from_json(estate.site_of(target.machine).facts) for target in found]
    return sum(_refresh(target, site) for target, site in zip(found, sites, strict=True))


def _refresh(target: OutsideTarget, site: Site) -> bool:
    before = (target.gate_id, target.kept_shut_by)
    nsg_id = gate_of(site)
    if nsg_id is not None or site.host is None:
        made = gate_for(kind=KIND, resource_id=nsg_id, name=name_of(nsg_id)) if nsg_id else None
        target.gate = made
    target.kept_shut_by = _kept_shut_by(target.machine, target.ports, site)
    if before == (target.gate_id, target.kept_shut_by):
        return False
    target.save(update_fields=["gate", "kept_shut_by"])
    return True


def _kept_shut_by(machine: Machine, ports: Iterable[int], site: Site) -> dict[str, str]:
    """By port; JSON has no other keys than text."""
    nsg = rules_of(site)
    ways = [way_of(site.bastion_prefix, machine.private_ip or "", port) for port in ports]
    return {str(way.port): kept_shut_by(nsg, way) for way in ways if nsg and way}
