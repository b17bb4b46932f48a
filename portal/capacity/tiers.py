"""What each tier of Azure Bastion adds, and what of it one host has switched on."""

from dataclasses import dataclass

from portal.azure.checks.facts import Host
from portal.azure.checks.skus import FEWEST_UNITS, HAVING, Feature, Sku, allows, sku_named

SWITCHES: dict[Feature, str] = {
    Feature.NATIVE_CLIENT: "tunneling",
    Feature.SHAREABLE_LINKS: "shareable_links",
    Feature.IP_CONNECT: "ip_connect",
    Feature.FILE_COPY: "file_copy",
    Feature.KERBEROS: "kerberos",
    Feature.SESSION_RECORDING: "session_recording",
    Feature.PRIVATE_ONLY: "private_only",
}
ON, OFF, COMES, LACKS, UNKNOWN = "On", "Off", "Comes with it", "Not in this tier", "Not known"


@dataclass(frozen=True)
class Row:
    feature: str
    tiers: tuple[bool, ...]  # in the order of the tiers
    here: str

    @property
    def on(self) -> bool:
        return self.here == ON


@dataclass(frozen=True)
class Matrix:
    """``fits``: a lower tier that has everything this host has switched on, or empty."""

    tiers: tuple[str, ...]
    rows: list[Row]
    used: list[str]
    unused: list[str]
    fits: str


def matrix(host: Host) -> Matrix:
    states = {feature: _here(host, feature) for feature in Feature}
    rows = [
        Row(feature[0].upper() + feature[1:], _tiers(feature), state)
        for feature, state in states.items()
    ]
    used = [feature.value for feature, state in states.items() if state == ON]
    unused = [feature.value for feature, state in states.items() if state == OFF]
    return Matrix(tuple(Sku), rows, used, unused, _lowest(host, states))


def _tiers(feature: Feature) -> tuple[bool, ...]:
    return tuple(sku in HAVING[feature] for sku in Sku)


def _here(host: Host, feature: Feature) -> str:
    if sku_named(host.sku) is None:
        return UNKNOWN
    if not allows(host.sku, feature):
        return LACKS
    if feature is Feature.HOST_SCALING:
        if host.scale_units is None:
            return UNKNOWN
        return ON if host.scale_units > FEWEST_UNITS else OFF
    if feature not in SWITCHES:
        return COMES
    switch = getattr(host, SWITCHES[feature])
    return UNKNOWN if switch is None else ON if switch else OFF


def _lowest(host: Host, states: dict[Feature, str]) -> str:
    """Never Developer: it carries one session at a time, and reaches no other network."""
    own = sku_named(host.sku)
    if own is None or UNKNOWN in states.values():
        return ""
    wanted = {feature for feature, state in states.items() if state == ON}
    lower = list(Sku)[1 : list(Sku).index(own)]
    fitting = (sku for sku in lower if all(sku in HAVING[feature] for feature in wanted))
    return next(fitting, "")
