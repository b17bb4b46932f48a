"""A Bastion host and its address, as stored."""

from dataclasses import dataclass
from typing import Self

from portal.azure.checks import reading
from portal.azure.checks.ids import group_of, name_of, subscription_of
from portal.azure.checks.reading import Json

SWITCHES = (
    "tunneling",
    "shareable_links",
    "ip_connect",
    "file_copy",
    "kerberos",
    "session_recording",
    "private_only",
)


@dataclass(frozen=True)
class Host:
    """A Bastion host. ``subnet`` is empty for the Developer tier, which has none of its own."""

    id: str
    name: str
    resource_group: str = ""
    subscription_id: str = ""
    region: str = ""
    sku: str = ""
    provisioning_state: str = ""
    scale_units: int | None = None
    zones: tuple[str, ...] | None = None
    tunneling: bool | None = None
    shareable_links: bool | None = None
    ip_connect: bool | None = None
    file_copy: bool | None = None
    kerberos: bool | None = None
    session_recording: bool | None = None
    private_only: bool | None = None
    dns_name: str = ""
    subnet: str = ""
    public_ip: str | None = None

    @classmethod
    def from_json(cls, row: Json) -> Self:
        id_ = reading.text(row, "id")
        return cls(
            id=id_,
            name=reading.text(row, "name") or name_of(id_),
            resource_group=reading.text(row, "resource_group") or group_of(id_),
            subscription_id=reading.text(row, "subscription_id") or subscription_of(id_),
            region=reading.text(row, "region"),
            sku=reading.text(row, "sku"),
            provisioning_state=reading.text(row, "provisioning_state"),
            scale_units=reading.number(row, "scale_units"),
            zones=reading.words(row, "zones"),
            dns_name=reading.text(row, "dns_name"),
            subnet=reading.text(row, "subnet"),
            public_ip=reading.reference(row, "public_ip"),
            **{each: reading.flag(row, each) for each in SWITCHES},
        )


@dataclass(frozen=True)
class PublicIp:
    """``attached``: the id of the IP configuration that holds it."""

    id: str
    name: str
    sku: str = ""
    method: str = ""
    address: str = ""
    attached: str | None = None

    @classmethod
    def from_json(cls, row: Json) -> Self:
        return cls(
            id=reading.text(row, "id"),
            name=reading.text(row, "name") or name_of(reading.text(row, "id")),
            sku=reading.text(row, "sku"),
            method=reading.text(row, "method"),
            address=reading.text(row, "address"),
            attached=reading.reference(row, "attached"),
        )
