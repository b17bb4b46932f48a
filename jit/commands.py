"""The exact commands to connect through a Bastion host while a window is open.

Options as in the bastion extension of the Azure CLI. Nothing is shown that the host's SKU or
settings would refuse.
"""

import shlex

from access.kinds import Command
from access.models import BastionHost, Machine

LOCAL_PORTS = {22: 50022, 3389: 53389}
SSH, RDP = 22, 3389


def commands_for(machine: Machine, port: int) -> list[Command]:
    """Ready to paste; empty where the host has no native client support."""
    host = machine.bastion
    if host is None or not host.tunneling:
        return []
    tunnel = _tunnel(host, machine, port)
    if machine.os == "windows" and port == RDP:
        return [_rdp(host, machine), tunnel]
    if port in LOCAL_PORTS:
        return [_ssh(host, machine, port), tunnel]
    return [tunnel]


def _ssh(host: BastionHost, machine: Machine, port: int) -> Command:
    extra = [] if port == SSH else ["--resource-port", str(port)]
    text = _az("ssh", host, machine, "--auth-type", "AAD", *extra)
    note = (
        "Signs in with your Entra account. With a key: --auth-type ssh-key --username … --ssh-key …"
    )
    return Command("SSH", text, note)


def _rdp(host: BastionHost, machine: Machine) -> Command:
    return Command("Remote Desktop", _az("rdp", host, machine), "Starts mstsc; Windows only.")


def _tunnel(host: BastionHost, machine: Machine, port: int) -> Command:
    local = LOCAL_PORTS.get(port, 50000 + port % 10000)
    text = _az("tunnel", host, machine, "--resource-port", str(port), "--port", str(local))
    return Command("Tunnel", text, f"Then point any client at 127.0.0.1:{local}.")


def _az(verb: str, host: BastionHost, machine: Machine, *more: str) -> str:
    words = [
        "az", "network", "bastion", verb,
        "--subscription", host.subscription_id,
        "--name", host.name,
        "--resource-group", host.resource_group,
        "--target-resource-id", machine.resource_id,
        *more,
    ]  # fmt: skip
    return shlex.join(words)
