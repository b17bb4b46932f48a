"""From where an invitation may be used, where its sponsor said so."""

from ipaddress import IPv6Address, ip_address, ip_network

from links.models import Invitation
from links.visiting.caller import Caller
from links.visiting.errors import Refusal


def check(invitation: Invitation, caller: Caller) -> None:
    """Raises ``Refusal``. Who cannot be told to come from the list does not."""
    if invitation.sources and not _is_among(invitation.sources, caller.address):
        raise Refusal("source", address=caller.address)


def _is_among(sources: list[str], address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in ip_network(source) for source in sources)
