"""What each SKU of Azure Bastion can do, and how much of it: data, no decisions.

Microsoft documents the features tier by tier on the page about Bastion's configuration settings.
Developer shares a pool in Azure and serves its own network, one machine at a time. Basic is a
dedicated pair of instances for the browser. Standard opens Bastion to native clients, to people
without an account, to addresses and to ports of one's own choice. Premium records sessions and
can do without a public address. A host moves up these tiers, never down.

The figures: Microsoft documents about 20 RDP or 40 SSH sessions at once for each instance under a
medium workload, calls an instance a scale unit, fixes Basic at two and lets Standard and Premium
have 2 to 50; the page on shareable links names 500 of them for one host.
"""

from enum import StrEnum

RDP_PER_UNIT = 20
SSH_PER_UNIT = 40
BASIC_UNITS = 2
FEWEST_UNITS, MOST_UNITS = 2, 50
LINKS_PER_HOST = 500


class Sku(StrEnum):
    """Cheapest first; each can do what the former could."""

    DEVELOPER = "Developer"
    BASIC = "Basic"
    STANDARD = "Standard"
    PREMIUM = "Premium"


class Feature(StrEnum):
    """The value is what a sentence calls it."""

    CONCURRENT_SESSIONS = "several sessions at once"
    PEERING = "machines in peered networks"
    KERBEROS = "Kerberos sign-in"
    NATIVE_CLIENT = "native clients"
    SHAREABLE_LINKS = "shareable links"
    IP_CONNECT = "connections to an IP address"
    CUSTOM_PORTS = "ports other than 22 and 3389"
    FILE_COPY = "file copy"
    HOST_SCALING = "more than two scale units"
    SESSION_RECORDING = "session recording"
    PRIVATE_ONLY = "a host without a public address"


DEDICATED = frozenset({Sku.BASIC, Sku.STANDARD, Sku.PREMIUM})
UPPER = frozenset({Sku.STANDARD, Sku.PREMIUM})
TOP = frozenset({Sku.PREMIUM})

# Recent command lines can open SSH through a Developer host; Microsoft's table does not offer it.
HAVING: dict[Feature, frozenset[Sku]] = {
    Feature.CONCURRENT_SESSIONS: DEDICATED,
    Feature.PEERING: DEDICATED,
    Feature.KERBEROS: DEDICATED,
    Feature.NATIVE_CLIENT: UPPER,
    Feature.SHAREABLE_LINKS: UPPER,
    Feature.IP_CONNECT: UPPER,
    Feature.CUSTOM_PORTS: UPPER,
    Feature.FILE_COPY: UPPER,
    Feature.HOST_SCALING: UPPER,
    Feature.SESSION_RECORDING: TOP,
    Feature.PRIVATE_ONLY: TOP,
}


def sku_named(name: str) -> Sku | None:
    """``None`` for a tier that this table does not know, or when the tier is not known."""
    return next((sku for sku in Sku if sku.lower() == name.strip().lower()), None)


def allows(sku: str, feature: Feature) -> bool:
    """Never for a tier that this table does not know."""
    return sku_named(sku) in HAVING[feature]


def needed(feature: Feature) -> list[Sku]:
    """The tiers that have it, cheapest first."""
    return [sku for sku in Sku if sku in HAVING[feature]]


def needs(feature: Feature) -> str:
    """The end of a sentence: "needs Standard or Premium"."""
    *others, last = needed(feature)
    return f"needs {', '.join(others)} or {last}" if others else f"needs {last}"


def fewest_units(sku: str) -> int:
    """The capacity that can be counted on where the host does not say: 0 for a shared one."""
    return 0 if sku_named(sku) is Sku.DEVELOPER else FEWEST_UNITS


def most_units(sku: str) -> int:
    """How far a host of this tier can be scaled."""
    if allows(sku, Feature.HOST_SCALING):
        return MOST_UNITS
    return BASIC_UNITS if sku_named(sku) is Sku.BASIC else 0
