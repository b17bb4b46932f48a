"""What of a host's checks a single session depends on.

That a host names no zones, or that its subnet is too small for it to grow, is its owner's matter
and stands on the page that verifies the estate. Who asks for one session gets in all the same.
"""

from dataclasses import replace

from access.preflight import Check, Crowd, Level
from portal.azure.checks import check_host
from portal.azure.checks.capacity import check_capacity
from portal.azure.checks.facts import Site

NEEDED = frozenset(
    {
        "host.sku",
        "host.state",
        "host.public_ip",
        "subnet.name",
        "nsg.bastion_inbound",
        "nsg.bastion_outbound",
    }
)


def check_serving_host(site: Site, *more: str) -> list[Check]:
    """``more``: keys of checks beside those that every session depends on."""
    if site.host is None:
        return []  # the machine's own checks say so
    wanted = NEEDED | set(more)
    found = check_host(site.host, site.networks, site.nsgs, site.public_ips)
    return [check for check in found if check.key in wanted]


def check_room(site: Site, crowd: Crowd | None) -> list[Check]:
    """Whether one more fits. Never a reason to refuse: others may leave before, and a host that
    is too full makes everybody slow and shuts out nobody who was approved."""
    if site.host is None or crowd is None:
        return []
    found = check_capacity(site.host, crowd.rdp, crowd.ssh, crowd.coming_rdp, crowd.coming_ssh)
    return [replace(found, level=Level.WARN) if found.level is Level.FAIL else found]
