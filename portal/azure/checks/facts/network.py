"""Networks with their subnets and peerings, and security groups with their rules, as stored."""

from dataclasses import dataclass
from typing import Self

from portal.azure.checks import reading
from portal.azure.checks.ids import name_of, same
from portal.azure.checks.reading import Json


@dataclass(frozen=True)
class Subnet:
    """``members``: how many IP configurations in it are not a Bastion's."""

    id: str
    name: str
    prefix: str = ""
    nsg: str | None = None
    members: int | None = None

    @classmethod
    def from_json(cls, row: Json) -> Self:
        return cls(
            id=reading.text(row, "id"),
            name=reading.text(row, "name") or name_of(reading.text(row, "id")),
            prefix=reading.text(row, "prefix"),
            nsg=reading.reference(row, "nsg"),
            members=reading.number(row, "members"),
        )


@dataclass(frozen=True)
class Peering:
    """One side of a peering. ``access``: the two networks may talk; ``forwarded``: traffic that
    began in neither of them is let through."""

    name: str
    remote: str
    state: str = ""
    forwarded: bool | None = None
    access: bool | None = None

    @classmethod
    def from_json(cls, row: Json) -> Self:
        return cls(
            name=reading.text(row, "name"),
            remote=reading.text(row, "remote"),
            state=reading.text(row, "state"),
            forwarded=reading.flag(row, "forwarded"),
            access=reading.flag(row, "access"),
        )


@dataclass(frozen=True)
class Network:
    id: str
    name: str
    region: str = ""
    prefixes: tuple[str, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    peerings: tuple[Peering, ...] = ()

    @classmethod
    def from_json(cls, row: Json) -> Self:
        return cls(
            id=reading.text(row, "id"),
            name=reading.text(row, "name") or name_of(reading.text(row, "id")),
            region=reading.text(row, "region"),
            prefixes=reading.words(row, "prefixes") or (),
            subnets=tuple(Subnet.from_json(each) for each in reading.rows(row, "subnets")),
            peerings=tuple(Peering.from_json(each) for each in reading.rows(row, "peerings")),
        )

    def subnet(self, subnet_id: str) -> Subnet | None:
        return next((each for each in self.subnets if same(each.id, subnet_id)), None)

    def peering_with(self, network_id: str) -> Peering | None:
        return next((each for each in self.peerings if same(each.remote, network_id)), None)


@dataclass(frozen=True)
class Rule:
    """One security rule, custom or default. A rule that speaks of application security groups
    has no sources or destinations here and is not understood: it matches nothing."""

    name: str
    priority: int
    direction: str
    access: str
    protocol: str = "*"
    sources: tuple[str, ...] = ()
    source_ports: tuple[str, ...] = ("*",)
    destinations: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, row: Json) -> Self:
        return cls(
            name=reading.text(row, "name"),
            priority=reading.number(row, "priority") or 0,
            direction=reading.text(row, "direction"),
            access=reading.text(row, "access"),
            protocol=reading.text(row, "protocol") or "*",
            sources=reading.words(row, "sources") or (),
            source_ports=reading.words(row, "source_ports") or ("*",),
            destinations=reading.words(row, "destinations") or (),
            ports=reading.words(row, "ports") or (),
        )

    @property
    def allows(self) -> bool:
        return self.access.lower() == "allow"


@dataclass(frozen=True)
class Nsg:
    id: str
    name: str
    rules: tuple[Rule, ...] = ()

    @classmethod
    def from_json(cls, row: Json) -> Self:
        rules = [each for each in reading.rows(row, "rules") if reading.number(each, "priority")]
        return cls(
            id=reading.text(row, "id"),
            name=reading.text(row, "name") or name_of(reading.text(row, "id")),
            rules=tuple(Rule.from_json(each) for each in rules),
        )
