"""The ways to a machine outside Azure: by its address, through a host that connects to addresses.

The command line takes no other ports than 22 and 3389 for an address, and no Entra account: such
signs people in to Azure's own machines.
"""

from access.kinds import Command, Visit
from access.models import BastionHost
from jit.connect import native
from jit.connect.browser import GROUP
from jit.connect.ports import RDP, SSH
from jit.connect.reach import takes_clients, why_no_clients
from jit.connect.scripts import scripts_for
from portal.azure.checks.skus import Feature, allows

PAGE = "https://portal.azure.com/#@/resource{id}"


def ways_to_address(host: BastionHost, visit: Visit) -> list[Command]:
    """Empty where the host has lost the switch, or no way to an address leads to the port."""
    able = host.ip_connect and allows(host.sku, Feature.IP_CONNECT)
    if not able or visit.port not in (SSH, RDP):
        return []
    found: list[Command] = []
    if takes_clients(host):
        ways = _shell(host, visit) if visit.port == SSH else _desktop(host, visit)
        found += [*ways, *scripts_for(host, visit)]
    return [*found, _in_the_browser(host, visit)]


def _shell(host: BastionHost, visit: Visit) -> list[Command]:
    signing_in = [native.ssh_with_key(host, visit), native.ssh_with_password(host, visit)]
    if visit.machine.os == "windows":
        signing_in.reverse()
    return [*signing_in, *native.copy_files(host, visit), *native.tunnel_for_ssh(host, visit)]


def _desktop(host: BastionHost, visit: Visit) -> list[Command]:
    tunnel = native.tunnel_for_desktop(host, visit)
    if visit.machine.os != "windows":
        return tunnel
    return [native.remote_desktop(host, visit), *tunnel]


def _in_the_browser(host: BastionHost, visit: Visit) -> Command:
    """The host's own page: the machine has none."""
    protocol = "SSH" if visit.port == SSH else "RDP"
    note = (
        f"In the Azure portal open the Bastion {host.name}, choose Connect, give the address "
        f"{visit.machine.private_ip} and {protocol}, and sign in with your account on the machine."
    )
    if not takes_clients(host):
        note = f"{note} {why_no_clients(host)}"
    return Command("In the browser", PAGE.format(id=host.resource_id), note, GROUP, "address")
