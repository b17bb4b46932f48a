"""The words of a command line, quoted for a shell so that no name can leave its place in it."""

import shlex

from access.kinds import Visit
from access.models import BastionHost, Machine

LOOPBACK = "127.0.0.1"
ANY_USER = "azureuser"  # what Azure suggests for a new machine; people put their own in its place
KEY_FILE = "~/.ssh/id_ed25519"  # never quoted: the shell is to find the home directory


def az(verb: str, host: BastionHost, visit: Visit, *more: str) -> str:
    """``az network bastion VERB``. The subscription is that of the host."""
    return shlex.join(
        [
            "az", "network", "bastion", verb,
            "--subscription", host.subscription_id,
            "--name", host.name,
            "--resource-group", host.resource_group,
            *target(visit.machine),
            *more,
        ]
    )  # fmt: skip


def target(machine: Machine) -> tuple[str, str]:
    """(the option, its value). What is not in Azure has an address and nothing else."""
    if machine.in_azure:
        return ("--target-resource-id", machine.resource_id)
    return ("--target-ip-address", machine.private_ip or "")


def user_of(visit: Visit) -> str:
    return visit.wishes.user_name or ANY_USER


def at_loopback(visit: Visit) -> str:
    """``USER@127.0.0.1``."""
    return f"{user_of(visit)}@{LOOPBACK}"


def host_key_alias(visit: Visit) -> tuple[str, str]:
    """Keeps this machine's key apart from those of others behind the same address. Azure's id of
    the machine, because a machine that was made anew under its old name has another key."""
    return ("-o", f"HostKeyAlias={visit.machine.vm_id}")
