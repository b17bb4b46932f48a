"""Judging the stored facts of an estate: what works, what does not, and what mends it.

Pure functions: no database, no SDK, no clock and no network, so the web process may ask them.
Every answer is a ``Check`` with its evidence, and the command that mends it where there is one. A
fact that is missing gives "not known", never a pass.
"""

from collections.abc import Mapping

from access.preflight import Check, Level
from portal.azure.checks import capacity, guard, host, jit, machine, peering, subnet, way
from portal.azure.checks.capacity import check_capacity
from portal.azure.checks.facts import Host, Network, Nsg, PublicIp, Site
from portal.azure.checks.skus import Sku, sku_named

__all__ = [
    "check_capacity",
    "check_guest",
    "check_host",
    "check_link",
    "check_machine",
    "check_native_client",
    "check_spoke",
    "check_window",
]


def check_host(
    bastion: Host,
    networks: Mapping[str, Network],
    nsgs: Mapping[str, Nsg],
    public_ips: Mapping[str, PublicIp],
) -> list[Check]:
    """The mappings are by lower-cased id. What a tier or a switch withholds is a warning here,
    since nobody has asked for it yet."""
    wanted = (host.NATIVE_CLIENT, host.SHAREABLE_LINKS, host.IP_CONNECT)
    own = [host.tier(bastion), host.state(bastion)]
    own += [host.capability(bastion, each, Level.WARN) for each in wanted]
    if sku_named(bastion.sku) is Sku.DEVELOPER:
        return own  # it has neither subnet nor address nor zones of its own
    return [
        *own,
        *subnet.subnet_of(bastion, networks),
        host.address(bastion, public_ips),
        host.zones(bastion),
        *guard.guard(bastion, networks, nsgs),
    ]


def check_spoke(site: Site) -> list[Check]:
    """Whether a Bastion reaches the machine's network: the same for every machine in it."""
    return [peering.reach(site), *peering.forwarded(site)]


def check_machine(site: Site, port: int) -> list[Check]:
    """Whether a session gets from a Bastion to this port once it is open."""
    return [*check_spoke(site), *check_guest(site, port)]


def check_guest(site: Site, port: int) -> list[Check]:
    """As ``check_machine``, without what is the network's matter."""
    return [
        machine.power(site),
        machine.guarded(site),
        machine.no_address(site, port),
        machine.served(site, port),
        way.let_out(site, port),
        way.admitted(site, port),
    ]


def check_window(site: Site, port: int, minutes: int) -> list[Check]:
    """Whether JIT opens this port for so long, and shuts it again."""
    found = site.jit_port(port)
    checks = [jit.policy(site, port)]
    if site.jit_ports:
        checks.append(jit.covers(site, port))
    if found:
        checks += [jit.length(site, found, minutes), jit.names(site, found)]
        checks.append(jit.source(site, found))
    return [*checks, jit.shut(site, port)]


def check_link(site: Site, links_now: int, links_wanted: int = 1) -> list[Check]:
    """``links_now``: as many as Azure lists on the host. That the port is open is asked apart."""
    if site.host is None:
        missing = f"which Bastion serves {site.vm.name}."
        return [host.SHAREABLE_LINKS.question.unknown(site.vm.id, missing)]
    return [
        host.capability(site.host, host.SHAREABLE_LINKS),
        capacity.room_for_links(site.host, links_now, links_wanted),
    ]


def check_native_client(bastion: Host) -> Check:
    """Whether az network bastion ssh, rdp and tunnel work: asked for, so a failure if not."""
    return host.capability(bastion, host.NATIVE_CLIENT)
