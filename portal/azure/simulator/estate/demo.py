"""The demo's estate: hubs with their hosts, spokes with their machines, and what is wrong in it.

Everything is derived from names, so that every start is the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from portal.azure.simulator import rules
from portal.azure.simulator.catalogue import Estate, Resource
from portal.azure.simulator.estate import parts

PRODUCTION = "3f1c1a52-5a0e-4b0a-9d55-6a1f2c7be001"
OTHER = "8a4d9e07-1c36-4f7b-8b1e-0d92f4c3a002"
# Wrong on purpose; docs/azure.md says in which way.
MISCONFIGURED = (
    "vm-plat-k8s-05",
    "vm-dev-06",
    "vm-shop-web-05",
    "vm-web-stg-05",
    "vm-pay-win-02",
    "vm-data-spark-06",
    "vnet-legacy-weu",
    "vnet-partner-weu",
    "vnet-archive-neu",
    "bastion-hub-lab-neu",
    "bastion-hub-dev-weu",
)
KEPT_SHUT = "192.168.40.10"  # outside Azure: see portal.embedded.outside
NOT_GUARDED = {"vm-plat-k8s-05", "vm-dev-06"}
ANY_SOURCE, STOPPED, PUBLIC, STANDING = (
    "vm-web-stg-05", "vm-data-spark-06", "vm-shop-web-05", "vm-pay-win-02",
)  # fmt: skip


@dataclass(frozen=True)
class Hub:
    name: str
    subscription: str
    place: str
    octet: int  # all its networks are within 10.{octet}.0.0/16
    sku: str
    links: bool
    size: int = 26  # prefix length of its AzureBastionSubnet

    @property
    def prefix(self) -> str:
        return f"10.{self.octet}.255.0/{self.size}"


@dataclass(frozen=True)
class Spoke:
    name: str
    hub: Hub
    number: int
    owner: str
    environment: str
    machines: str  # "vm-pay-api:5 vm-pay-sql:2w": name and how many, w for Windows
    longest: str = "PT3H"

    @property
    def where(self) -> str:
        return parts.group(self.hub.subscription, f"rg-{self.name}")


WEU = Hub("weu", PRODUCTION, "westeurope", 10, "Standard", links=True)
NEU = Hub("neu", PRODUCTION, "northeurope", 20, "Premium", links=True)
EUS = Hub("eus", PRODUCTION, "eastus", 30, "Basic", links=False)
DEV = Hub("dev-weu", OTHER, "westeurope", 40, "Standard", links=False)
LAB = Hub("lab-neu", OTHER, "northeurope", 50, "Standard", links=True, size=27)
PAYMENTS = "vm-pay-api:5 vm-pay-web:4 vm-pay-sql:2w vm-pay-win:2w"
SPOKES = [
    Spoke("payments-weu", WEU, 1, "payments", "production", PAYMENTS),
    Spoke("platform-weu", WEU, 2, "platform", "production", "vm-plat-k8s:5 vm-plat-ci:3"),
    Spoke("partner-weu", WEU, 3, "partners", "production", "vm-partner-api:2", "PT1H"),
    Spoke("legacy-weu", WEU, 4, "finance", "production", "vm-legacy-app:2w"),
    Spoke("shop-neu", NEU, 1, "commerce", "production", "vm-shop-web:5 vm-shop-api:3"),
    Spoke("data-neu", NEU, 2, "data", "production", "vm-data-spark:6 vm-data-dwh:2w", "PT1H"),
    Spoke("archive-neu", NEU, 3, "data", "production", "vm-archive-db:2"),
    Spoke("erp-eus", EUS, 1, "finance", "production", "vm-erp-app:3w vm-erp-db:2"),
    Spoke("dev-weu", DEV, 1, "engineering", "development", "vm-dev:6", "PT8H"),
    Spoke("staging-weu", DEV, 2, "engineering", "staging", "vm-web-stg:5", "PT8H"),
    Spoke("lab-neu", LAB, 1, "research", "development", "vm-lab:2 vm-lab-win:1w", "PT8H"),
]


def demo() -> Estate:
    networks: dict[str, Resource] = {}
    made: list[Resource] = []
    for hub in (WEU, NEU, EUS, DEV, LAB):
        made += _hub(hub, networks)
    made.append(_guard_bastion(NEU, networks["hub-neu"]))
    for spoke in SPOKES:
        made += _spoke(spoke, networks)
        _join(spoke.name, networks, hub=f"hub-{spoke.hub.name}")
    _spoil(made)
    return parts.estate_of({PRODUCTION: "Production", OTHER: "Non-production"}, made)


def _hub(hub: Hub, networks: dict[str, Resource]) -> list[Resource]:
    where, name = parts.group(hub.subscription, f"rg-hub-{hub.name}"), f"hub-{hub.name}"
    network = parts.vnet(where, f"vnet-{name}", hub.place, {parts.BASTION_SUBNET: hub.prefix})
    networks[name] = network
    address = parts.public_ip(where, f"pip-{name}", hub.place, f"203.0.113.{hub.octet}")
    host = parts.bastion(where, f"bastion-{name}", network, address, sku=hub.sku, links=hub.links)
    return [network, address, host]


def _guard_bastion(hub: Hub, network: Resource) -> Resource:
    """All that the host needs, and a deny for one of the machines behind its gateway."""
    where = parts.group(hub.subscription, f"rg-hub-{hub.name}")
    made = parts.bastion_nsg(where, f"nsg-bastion-hub-{hub.name}", hub.place)
    parts.guarded_by(parts.subnet_of(network, parts.BASTION_SUBNET), made)
    rules.add(
        made,
        "DenyBastionToOnPremDb",
        access="Deny",
        direction="Outbound",
        priority=250,
        protocol="*",
        sourceAddressPrefix=hub.prefix,
        destinationAddressPrefix=KEPT_SHUT,
        destinationPortRange="*",
    )
    return made


def _spoke(spoke: Spoke, networks: dict[str, Resource]) -> list[Resource]:
    place, base = spoke.hub.place, f"10.{spoke.hub.octet}.{spoke.number}"
    network = parts.vnet(
        spoke.where, f"vnet-{spoke.name}", place, {f"snet-{spoke.name}": f"{base}.0/24"}
    )
    networks[spoke.name] = network
    subnet, group = network["properties"]["subnets"][0], f"nsg-{spoke.name}"
    security_group = parts.nsg(spoke.where, group, place)
    parts.guarded_by(subnet, security_group)
    tags = {"environment": spoke.environment, "owner": spoke.owner}
    made, guarded = [network, security_group], []
    for number, (name, os) in enumerate(_machines(spoke.machines), start=4):
        pair = parts.machine(spoke.where, name, subnet, f"{base}.{number}", os=os, tags=tags)
        made += parts.placed(place, list(pair))
        if name not in NOT_GUARDED:
            source = "*" if name == ANY_SOURCE else spoke.hub.prefix
            guarded.append(parts.guarded(pair[0], source, spoke.longest))
    return [*made, parts.jit_policy(spoke.where, place, guarded)]


def _machines(text: str) -> Iterator[tuple[str, str]]:
    """(name, operating system)."""
    for word in text.split():
        name, count = word.split(":")
        os = "Windows" if count.endswith("w") else "Linux"
        for number in range(1, int(count.rstrip("w")) + 1):
            yield f"{name}-{number:02}", os


def _join(name: str, networks: dict[str, Resource], *, hub: str) -> None:
    """With its hub, from both sides; except where that is what is wrong."""
    mine, home = networks[name], networks[hub]
    if name == "legacy-weu":
        parts.peer(mine, home, state="Initiated")
    elif name == "archive-neu":
        parts.peer(mine, networks["data-neu"])
        parts.peer(networks["data-neu"], mine)
    else:
        parts.peer(mine, home, forwarded=name != "partner-weu")
        parts.peer(home, mine)


def _spoil(made: list[Resource]) -> None:
    by_name = {each["name"]: each for each in made}
    by_name[STOPPED]["_power"] = "deallocated"
    _put_into_the_open(by_name["vnet-dev-weu"], by_name["nic-vm-dev-06"])
    made.append(_public_address(by_name[f"nic-{PUBLIC}"]))
    made.append(_standing_rule(by_name[f"nic-{STANDING}"]))


def _put_into_the_open(network: Resource, nic: Resource) -> None:
    """Into a subnet that nothing guards."""
    network["properties"]["addressSpace"]["addressPrefixes"].append("10.40.9.0/24")
    subnet = {
        "id": f"{network['id']}/subnets/snet-open",
        "name": "snet-open",
        "properties": {"addressPrefix": "10.40.9.0/24", "provisioningState": "Succeeded"},
    }
    network["properties"]["subnets"].append(subnet)
    configuration = nic["properties"]["ipConfigurations"][0]["properties"]
    configuration |= {"subnet": {"id": subnet["id"]}, "privateIPAddress": "10.40.9.4"}


def _public_address(nic: Resource) -> Resource:
    where = nic["id"].split("/providers/")[0]
    made = parts.public_ip(where, f"pip-{PUBLIC}", nic["location"], "203.0.113.99")
    configuration = nic["properties"]["ipConfigurations"][0]["properties"]
    configuration["publicIPAddress"] = {"id": made["id"]}
    return made


def _standing_rule(nic: Resource) -> Resource:
    """A group of the machine's own, where Bastion comes in whether JIT is open or not."""
    where = nic["id"].split("/providers/")[0]
    made = parts.nsg(where, f"nsg-{STANDING}", nic["location"])
    parts.guarded_by(nic, made)
    rules.add(
        made,
        "AllowBastionInbound",
        access="Allow",
        direction="Inbound",
        priority=200,
        protocol="Tcp",
        sourceAddressPrefix=WEU.prefix,
        destinationAddressPrefix="*",
        destinationPortRange="3389",
    )
    return made
