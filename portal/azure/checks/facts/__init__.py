"""The facts of an estate that the checks judge, as the sync stored them.

``None`` says that nobody has told; an empty text or tuple says that there is none. Ids keep the
case in which they came, and are compared without regard to it.
"""

from portal.azure.checks.facts.host import Host, PublicIp
from portal.azure.checks.facts.machine import Interface, JitPort, Vm
from portal.azure.checks.facts.network import Network, Nsg, Peering, Rule, Subnet
from portal.azure.checks.facts.site import Site, home_of

__all__ = [
    "Host",
    "Interface",
    "JitPort",
    "Network",
    "Nsg",
    "Peering",
    "PublicIp",
    "Rule",
    "Site",
    "Subnet",
    "Vm",
    "home_of",
]
