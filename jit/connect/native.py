"""``az network bastion`` for each way to sign in, and the tunnel with what goes through it.

Options as in the bastion extension of the Azure CLI (``azext_bastion/_params.py``, ``custom.py``).
"""

import shlex

from access.kinds import Command, Visit
from access.models import BastionHost
from jit.connect.ports import RDP, SERVICES, SSH, client_of, local_port, reached_at
from jit.connect.words import ANY_USER, KEY_FILE, at_loopback, az, host_key_alias, user_of

KEY, PASSWORD, ENTRA = "With an SSH key", "With a password", "With Entra ID"
TUNNEL, FILES = "A tunnel for any client", "Copy files"
LEAVE_OPEN = "Leave it running. In a second terminal:"


def ssh_with_entra(host: BastionHost, visit: Visit) -> Command:
    note = (
        "Signs you in with your Entra account, in the role Virtual Machine User Login or "
        "Virtual Machine Administrator Login on the machine."
    )
    text = az("ssh", host, visit, *_port(visit, SSH), "--auth-type", "AAD")
    return Command("SSH with Entra ID", text, note, ENTRA)


def ssh_with_key(host: BastionHost, visit: Visit) -> Command:
    words = (*_port(visit, SSH), "--auth-type", "ssh-key", "--username", user_of(visit))
    text = f"{az('ssh', host, visit, *words)} --ssh-key {KEY_FILE}"
    note = f"The private key stays on your device.{_whose_name(visit)}"
    return Command("SSH with a key", text, note, KEY)


def ssh_with_password(host: BastionHost, visit: Visit) -> Command:
    words = (*_port(visit, SSH), "--auth-type", "password", "--username", user_of(visit))
    note = f"The machine asks for the password.{_whose_name(visit)}"
    return Command("SSH with a password", az("ssh", host, visit, *words), note, PASSWORD)


def remote_desktop(host: BastionHost, visit: Visit) -> Command:
    note = "From Windows: starts Remote Desktop. Elsewhere use the tunnel."
    text = az("rdp", host, visit, *_port(visit, RDP))
    return Command("Remote Desktop", text, note, "Remote Desktop")


def remote_desktop_with_entra(host: BastionHost, visit: Visit) -> Command:
    note = "From Windows, where the machine is joined to Entra ID."
    text = az("rdp", host, visit, *_port(visit, RDP), "--auth-type", "AAD")
    return Command("Remote Desktop with Entra ID", text, note, ENTRA)


def tunnel(host: BastionHost, visit: Visit, *, note: str = "", group: str = TUNNEL) -> Command:
    ports = ("--resource-port", str(visit.port), "--port", str(local_port(visit)))
    note = note or f"Leave it running and point any client at {reached_at(visit)}."
    return Command("Tunnel", az("tunnel", host, visit, *ports), note, group)


def tunnel_for_ssh(host: BastionHost, visit: Visit) -> list[Command]:
    words = ["ssh", "-p", str(local_port(visit)), *host_key_alias(visit), at_loopback(visit)]
    return [
        tunnel(host, visit, note=LEAVE_OPEN),
        Command("ssh", shlex.join(words), "The alias keeps the machine's key apart.", TUNNEL),
    ]


def tunnel_for_desktop(host: BastionHost, visit: Visit) -> list[Command]:
    note = f"Other systems: point a Remote Desktop client at {reached_at(visit)}."
    return [
        tunnel(host, visit, note=LEAVE_OPEN),
        Command("mstsc", f"mstsc /v:{reached_at(visit)}", note, TUNNEL),
    ]


def tunnel_for_service(host: BastionHost, visit: Visit) -> list[Command]:
    """A database, a web page, remote PowerShell: something with a client of its own."""
    service = SERVICES[visit.port]
    values = {"port": local_port(visit)}
    if service.address:
        note = f"Leave it running and open {service.address.format(**values)} in your browser."
        return [tunnel(host, visit, note=note)]
    if not service.client:
        return [tunnel(host, visit, note=f"Leave it running. {service.note.format(**values)}")]
    command = Command(service.client[0], client_of(service, visit), service.note, service.name)
    return [tunnel(host, visit, note=LEAVE_OPEN, group=service.name), command]


def copy_files(host: BastionHost, visit: Visit) -> list[Command]:
    """Over SSH. Windows has no rsync of its own, on neither side."""
    port, alias, there = str(local_port(visit)), host_key_alias(visit), at_loopback(visit)
    scp = shlex.join(["scp", "-P", port, *alias, "./FILE", f"{there}:"])
    sftp = shlex.join(["sftp", "-P", port, *alias, there])
    shell = shlex.join(["ssh", "-p", port, *alias])
    rsync = shlex.join(["rsync", "-av", "-e", shell, "./FOLDER/", f"{there}:FOLDER/"])
    found = [
        tunnel(host, visit, note=LEAVE_OPEN, group=FILES),
        Command("scp", scp, "One file, to your home directory there.", FILES),
        Command("sftp", sftp, "Both ways, file by file.", FILES),
    ]
    if visit.machine.os == "windows":
        return found
    return [*found, Command("rsync", rsync, "A folder, and only what differs.", FILES)]


def _whose_name(visit: Visit) -> str:
    return "" if visit.wishes.user_name else f" Put your own name in place of {ANY_USER}."


def _port(visit: Visit, usual: int) -> tuple[str, ...]:
    return () if visit.port == usual else ("--resource-port", str(visit.port))
