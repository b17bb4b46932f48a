"""Which addresses may be registered: private ones that are not Azure's own, as far as is known."""

from ipaddress import AddressValueError, IPv4Address, IPv4Network

from access.models import BastionHost, Machine
from access.models.estate import OUTSIDE
from portal.azure.checks.addresses import ipv4

# Those that networks of one's own use (RFC 1918), and carriers behind theirs (RFC 6598).
PRIVATE = tuple(
    IPv4Network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
)


def problem_of(typed: str, host: BastionHost, *, but: int = 0) -> str:
    """Empty when it may be registered. ``but``: the id of the machine that it is about."""
    try:
        address = IPv4Address(typed)
    except AddressValueError:
        return "Give an IPv4 address, such as 192.168.40.10. Bastion reaches no other."
    if not any(address in network for network in PRIVATE):
        return f"{address} is not private: Bastion reaches private addresses only."
    return _taken_by_bastion(address) or _taken_by_machine(address, host, but)


def _taken_by_bastion(address: IPv4Address) -> str:
    there = BastionHost.objects.filter(gone_at__isnull=True).order_by("name")
    for name, prefix in there.values_list("name", "subnet_prefix"):
        network = ipv4(prefix)
        if network is not None and address in network:
            return f"{address} is within {prefix}, the subnet of {name} itself."
    return ""


def _taken_by_machine(address: IPv4Address, host: BastionHost, but: int) -> str:
    there = Machine.objects.filter(private_ip=str(address), gone_at__isnull=True).exclude(pk=but)
    virtual = there.exclude(resource_key__startswith=OUTSIDE).order_by("name").first()
    if virtual is not None:
        return f"{address} is that of {virtual.name}, which is in Azure. Ask for access to that."
    other = there.filter(bastion=host).first()
    return f"{other.name} is registered with {address} already." if other else ""
