"""A machine, its interface, and the ports that JIT guards on it, as stored."""

from dataclasses import dataclass
from typing import Self

from portal.azure.checks import reading
from portal.azure.checks.ids import group_of, name_of, subscription_of
from portal.azure.checks.reading import Json


@dataclass(frozen=True)
class Interface:
    """The network interface that Bastion connects to: the primary one."""

    id: str
    subnet: str = ""
    address: str = ""
    nsg: str | None = None
    public_ip: str | None = None
    vm: str = ""

    @classmethod
    def from_json(cls, row: Json) -> Self:
        return cls(
            id=reading.text(row, "id"),
            subnet=reading.text(row, "subnet"),
            address=reading.text(row, "address"),
            nsg=reading.reference(row, "nsg"),
            public_ip=reading.reference(row, "public_ip"),
            vm=reading.text(row, "vm"),
        )


@dataclass(frozen=True)
class Vm:
    """``os``: "linux" or "windows". ``power``: "running", "stopped" (still paid for),
    "deallocated", or empty when nobody has told. ``interface``: ``None`` when not known."""

    id: str
    name: str
    resource_group: str = ""
    subscription_id: str = ""
    region: str = ""
    os: str = ""
    power: str = ""
    interface: Interface | None = None

    @classmethod
    def from_json(cls, row: Json) -> Self:
        id_, interface = reading.text(row, "id"), row.get("interface")
        return cls(
            id=id_,
            name=reading.text(row, "name") or name_of(id_),
            resource_group=reading.text(row, "resource_group") or group_of(id_),
            subscription_id=reading.text(row, "subscription_id") or subscription_of(id_),
            region=reading.text(row, "region"),
            os=reading.text(row, "os").lower(),
            power=reading.text(row, "power").lower(),
            interface=Interface.from_json(interface) if interface else None,
        )


@dataclass(frozen=True)
class JitPort:
    """One port of this machine in a JIT policy."""

    policy_id: str
    policy_name: str
    number: int
    source_prefixes: tuple[str, ...] | None = None
    max_minutes: int | None = None

    @classmethod
    def from_json(cls, row: Json) -> Self:
        policy_id = reading.text(row, "policy_id")
        return cls(
            policy_id=policy_id,
            policy_name=reading.text(row, "policy_name") or name_of(policy_id),
            number=reading.number(row, "number") or 0,
            source_prefixes=reading.words(row, "source_prefixes"),
            max_minutes=reading.number(row, "max_minutes"),
        )
