"""A Bastion host itself: its tier and switches, its state, its address, its zones.

Microsoft documents that a tier can be raised and never lowered, that zones are chosen when a host
is made and not afterwards, and that its public address is Standard and Static; a private-only
host, which only Premium can be, has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from access.preflight import Check, Level
from portal.azure.checks import remedies
from portal.azure.checks.facts import Host, PublicIp
from portal.azure.checks.ids import key_of
from portal.azure.checks.question import Question
from portal.azure.checks.skus import Feature, Sku, allows, needed, needs, sku_named

TIER = Question(
    "host.sku",
    "The Bastion is a dedicated host",
    "A shared host has no subnet of its own, so no port could be opened to it alone.",
)
STATE = Question(
    "host.state",
    "Azure has finished setting up the Bastion",
    "Connections are refused or cut while Azure changes the host, and when that has failed.",
    fleeting=True,
)
ADDRESS = Question(
    "host.public_ip",
    "The Bastion's public address is Standard and Static",
    "Azure accepts no other address, and nobody reaches a Bastion without one.",
)
ZONES = Question(
    "host.zones",
    "The Bastion is spread over availability zones",
    "One zone that fails takes all remote access with it, when it is needed most.",
)


@dataclass(frozen=True)
class Capability:
    """Something that a tier allows and a switch turns on."""

    feature: Feature
    switch: str  # of the host's facts
    option: str
    question: Question


NATIVE_CLIENT = Capability(
    Feature.NATIVE_CLIENT,
    "tunneling",
    "--enable-tunneling",
    Question(
        "host.tunneling",
        "The Bastion serves native clients",
        "az network bastion ssh, rdp and tunnel are refused, and the browser is all there is.",
    ),
)
SHAREABLE_LINKS = Capability(
    Feature.SHAREABLE_LINKS,
    "shareable_links",
    "--enable-shareable-link",
    Question(
        "host.shareable_links",
        "The Bastion makes shareable links",
        "Nobody without an account in Azure can be let in.",
    ),
)
IP_CONNECT = Capability(
    Feature.IP_CONNECT,
    "ip_connect",
    "--enable-ip-connect",
    Question(
        "host.ip_connect",
        "The Bastion connects to IP addresses",
        "Machines outside Azure cannot be reached.",
    ),
)


def tier(host: Host) -> Check:
    sku = sku_named(host.sku)
    if sku is None:
        return TIER.unknown(host.id, f"the tier of {host.name} ({host.sku or 'none was read'}).")
    if sku is Sku.DEVELOPER:
        return TIER.fails(
            host.id,
            f"{host.name} is Developer: shared, one machine at a time, without a subnet of its "
            "own. A host of Basic or higher has to be made in its place.",
        )
    return TIER.passes(host.id, f"{host.name} is {sku}.")


def state(host: Host) -> Check:
    now = host.provisioning_state
    seen = f"{host.name} is {now}."
    match now.lower():
        case "":
            return STATE.unknown(host.id, f"the provisioning state of {host.name}.")
        case "succeeded":
            return STATE.passes(host.id, seen)
        case "updating" | "creating":
            return STATE.warns(host.id, seen, remedies.await_host(host))
        case "failed" | "canceled":
            again = "Writing it again unchanged makes Azure try again."
            return STATE.fails(host.id, f"{seen} {again}", remedies.update_host(host))
    return STATE.fails(host.id, seen)


def capability(host: Host, wanted: Capability, level: Level = Level.FAIL) -> Check:
    """``level``: how bad its absence is, which depends on whether somebody asks for it."""
    ask, feature = wanted.question, wanted.feature
    if sku_named(host.sku) is None:
        return ask.unknown(host.id, f"the tier of {host.name}.")
    turn_on = (wanted.option, "true")
    if not allows(host.sku, feature):
        evidence = f"{host.name} is {host.sku}; for {feature} it {needs(feature)}."
        return ask.answer(level, host.id, evidence, _raise(host, feature, *turn_on))
    switched: bool | None = getattr(host, wanted.switch)
    if switched is None:
        return ask.unknown(host.id, f"whether {feature} are switched on at {host.name}.")
    if not switched:
        evidence = f"{host.name} is {host.sku}, but {feature} are switched off."
        return ask.answer(level, host.id, evidence, [remedies.update_host(host, *turn_on)])
    return ask.passes(host.id, f"{host.name} is {host.sku} with {feature} switched on.")


def address(host: Host, public_ips: Mapping[str, PublicIp]) -> Check:
    if host.private_only and not host.public_ip:
        return _private_only(host)
    if host.public_ip is None:
        return ADDRESS.unknown(host.id, f"the public address of {host.name}.")
    if not host.public_ip:
        return ADDRESS.fails(host.id, f"{host.name} has no public address.", *_readdress(host))
    found = public_ips.get(key_of(host.public_ip))
    if found is None or not found.sku or not found.method:
        return ADDRESS.unknown(host.id, f"the kind of the public address {host.public_ip}.")
    seen = f"{found.name} is {found.sku} and {found.method}."
    if (found.sku.lower(), found.method.lower()) == ("standard", "static"):
        return ADDRESS.passes(found.id, seen)
    return ADDRESS.fails(found.id, seen, *_readdress(host))


def zones(host: Host) -> Check:
    if host.zones is None:
        return ZONES.unknown(host.id, f"the zones of {host.name}.")
    if host.zones:
        return ZONES.passes(host.id, f"{host.name} is in zones {', '.join(host.zones)}.")
    evidence = (
        f"{host.name} names no zones. They cannot be changed: where {host.region or 'its region'} "
        "has zones, the host has to be deleted and made again, some fifteen minutes without it."
    )
    if host.private_only or not host.public_ip:
        return ZONES.warns(host.id, evidence)
    again = remedies.create_host(host, zones=("1", "2", "3"))
    return ZONES.warns(host.id, evidence, remedies.delete_host(host), again)


def _private_only(host: Host) -> Check:
    if allows(host.sku, Feature.PRIVATE_ONLY):
        return ADDRESS.passes(host.id, f"{host.name} is private-only and needs no address.")
    evidence = f"{host.name} is {host.sku}; to be private-only it {needs(Feature.PRIVATE_ONLY)}."
    return ADDRESS.fails(host.id, evidence, *_raise(host, Feature.PRIVATE_ONLY))


def _raise(host: Host, feature: Feature, *options: str) -> list[str]:
    """A Developer host cannot be raised where it is: it has neither subnet nor address."""
    if sku_named(host.sku) is Sku.DEVELOPER:
        return []
    return [remedies.update_host(host, *remedies.raise_tier(needed(feature)[0]), *options)]


def _readdress(host: Host) -> list[str]:
    """An address in use cannot be changed into another kind, nor a host given another one."""
    name = f"pip-{host.name}-standard"
    return [
        remedies.create_address(host, name),
        remedies.delete_host(host),
        remedies.create_host(host, public_ip=name),
    ]
