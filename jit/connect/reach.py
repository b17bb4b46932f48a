"""What a Bastion host lets through, by its tier and its switches: data in, a yes or no out."""

from access.kinds import Visit
from access.models import BastionHost
from jit.connect.ports import protocol_of
from portal.azure.checks.skus import Feature, allows, needs

MISSING = (
    "The Bastion {name} serves no command-line clients: native client support {needs} and must be "
    "switched on."
)


def takes_clients(host: BastionHost) -> bool:
    """The command line itself refuses unless the tier is Standard or Premium and the switch is
    on. On such a host every port can be named, so ports need no question of their own."""
    return host.tunneling and allows(host.sku, Feature.NATIVE_CLIENT)


def browser_reaches(host: BastionHost, visit: Visit) -> bool:
    """Every tier serves SSH to Linux and RDP to Windows on their own ports. Another protocol or
    port is set on the connect page, which has such settings from the tier that takes custom
    ports. The browser speaks SSH and RDP only."""
    if visit.port == visit.machine.login_port:
        return True
    return protocol_of(visit.port) != "service" and allows(host.sku, Feature.CUSTOM_PORTS)


def why_no_clients(host: BastionHost) -> str:
    return MISSING.format(name=host.name, needs=needs(Feature.NATIVE_CLIENT))
