"""Room on a Bastion host: sessions against scale units, links against their limit."""

from math import ceil

from access.preflight import Check
from portal.azure.checks import remedies
from portal.azure.checks.facts import Host
from portal.azure.checks.question import Question
from portal.azure.checks.skus import (
    LINKS_PER_HOST,
    MOST_UNITS,
    RDP_PER_UNIT,
    SSH_PER_UNIT,
    Feature,
    Sku,
    allows,
    fewest_units,
    most_units,
    needed,
    sku_named,
)

NEARLY = 0.8  # of what there is: time to think about more

SESSIONS = Question(
    "capacity.sessions",
    "The Bastion has room for the sessions expected",
    "Sessions become slow, and then the next person is not let in.",
)
LINKS = Question(
    "capacity.links",
    "The Bastion has room for another shareable link",
    "Azure makes no further link on this host, whoever asks.",
)


def units_for(rdp: int, ssh: int) -> int:
    """Scale units for so many sessions at once, of both kinds together."""
    return ceil(_load(rdp, ssh))


def check_capacity(
    host: Host, sessions_rdp: int, sessions_ssh: int, expected_rdp: int, expected_ssh: int
) -> Check:
    """``expected``: sessions that will come on top of those that are open now."""
    units = _units(host)
    if units is None:
        return SESSIONS.unknown(host.id, f"how many scale units {host.name} has.")
    rdp, ssh = sessions_rdp + expected_rdp, sessions_ssh + expected_ssh
    load = _load(rdp, ssh)
    seen = (
        f"{host.name} has {units} scale units; {rdp} RDP and {ssh} SSH sessions "
        f"({sessions_rdp} and {sessions_ssh} of them now) need {units_for(rdp, ssh)}."
    )
    if load <= units * NEARLY:
        return SESSIONS.passes(host.id, seen)
    wanted = units_for(rdp, ssh) if load > units else units + 1
    remedy = _scale(host, wanted)
    live = sessions_rdp + sessions_ssh if remedy else 0
    evidence = seen + _limits(host, wanted) + _price(live)
    if load > units:
        return SESSIONS.fails(host.id, evidence, *remedy)
    return SESSIONS.warns(host.id, evidence, *remedy)


def room_for_links(host: Host, links_now: int, links_wanted: int = 1) -> Check:
    """``links_now``: as Azure lists them, those without a grant included."""
    seen = f"{host.name} has {links_now} of {LINKS_PER_HOST} links."
    if links_now + links_wanted > LINKS_PER_HOST:
        return LINKS.fails(host.id, seen)
    if links_now + links_wanted > LINKS_PER_HOST * NEARLY:
        return LINKS.warns(host.id, seen)
    return LINKS.passes(host.id, seen)


def _load(rdp: int, ssh: int) -> float:
    return rdp / RDP_PER_UNIT + ssh / SSH_PER_UNIT


def _units(host: Host) -> int | None:
    """A tier that cannot be scaled has what it has, whatever was read."""
    if sku_named(host.sku) in {Sku.BASIC, Sku.DEVELOPER}:
        return fewest_units(host.sku)
    return host.scale_units


def _limits(host: Host, wanted: int) -> str:
    if wanted > MOST_UNITS:
        return f" No host has more than {MOST_UNITS}: a second one is needed."
    if not allows(host.sku, Feature.HOST_SCALING) and sku_named(host.sku):
        return f" {host.sku} stays at {most_units(host.sku)}."
    return ""


def _price(live: int) -> str:
    """Microsoft documents that a change of scale cuts the connections that are open."""
    return f" Scaling cuts the {live} sessions that are open." if live else ""


def _scale(host: Host, wanted: int) -> list[str]:
    """As far as Azure goes; nothing where the host is already there, or is a shared one."""
    units = min(wanted, MOST_UNITS)
    options = ["--scale-units", str(units)]
    sku = sku_named(host.sku)
    if sku in {None, Sku.DEVELOPER} or units <= (host.scale_units or 0):
        return []
    if not allows(host.sku, Feature.HOST_SCALING):
        options = [*remedies.raise_tier(needed(Feature.HOST_SCALING)[0]), *options]
    return [remedies.update_host(host, *options)]
