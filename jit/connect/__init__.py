"""Every way in through a Bastion host while a window is open, the recommended one first.

Written from the facts of the machine, the host and the door. Nothing is offered that the host's
tier or its switches would refuse.
"""

from access.kinds import Command, Visit
from access.models import BastionHost
from jit.connect import native
from jit.connect.address import ways_to_address
from jit.connect.browser import in_the_browser
from jit.connect.ports import protocol_of
from jit.connect.reach import browser_reaches, takes_clients
from jit.connect.scripts import scripts_for

__all__ = ["commands_for"]


def commands_for(visit: Visit) -> list[Command]:
    """Empty where no way leads in: no host, or a tier that cannot name the port."""
    host = visit.host
    if host is None:
        return []
    if not visit.machine.in_azure:
        return ways_to_address(host, visit)
    found: list[Command] = []
    if takes_clients(host):
        found += [*_with_clients(host, visit), *scripts_for(host, visit)]
    if browser_reaches(host, visit):
        found.append(in_the_browser(host, visit))
    return found


def _with_clients(host: BastionHost, visit: Visit) -> list[Command]:
    """By what listens on the port, as far as its number tells."""
    match protocol_of(visit.port):
        case "ssh":
            return _shell(host, visit)
        case "rdp":
            return _desktop(host, visit)
        case "service":
            return native.tunnel_for_service(host, visit)
        case _:
            return _anything(host, visit)


def _shell(host: BastionHost, visit: Visit) -> list[Command]:
    return [
        *_ssh(host, visit),
        *native.copy_files(host, visit),
        *native.tunnel_for_ssh(host, visit),
    ]


def _ssh(host: BastionHost, visit: Visit) -> list[Command]:
    """Azure signs people in to Linux with their Entra account; OpenSSH on Windows has no such."""
    local = [native.ssh_with_key(host, visit), native.ssh_with_password(host, visit)]
    if visit.machine.os == "windows":
        return local[::-1]
    return [native.ssh_with_entra(host, visit), *local]


def _desktop(host: BastionHost, visit: Visit) -> list[Command]:
    """``az network bastion rdp`` is documented for Windows machines; to xrdp leads the tunnel."""
    tunnel = native.tunnel_for_desktop(host, visit)
    if visit.machine.os != "windows":
        return tunnel
    starters = (native.remote_desktop, native.remote_desktop_with_entra)
    return [*(start(host, visit) for start in starters), *tunnel]


def _anything(host: BastionHost, visit: Visit) -> list[Command]:
    """A port that tells nothing: the tunnel first, then the machine's own protocol on it."""
    if visit.machine.os == "windows":
        return [native.tunnel(host, visit), native.remote_desktop(host, visit)]
    return [native.tunnel(host, visit), *_ssh(host, visit)]
