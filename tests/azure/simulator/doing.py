"""What the stories do, in a word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.azure.simulator.service import BASTION, NSG, PREFIX, VM, Service


def port(number: int = 22, *, minutes: float = 60, source: str | None = PREFIX) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "number": number,
        "endTimeUtc": datetime.now(UTC) + timedelta(minutes=minutes),
    }
    if source is not None:
        asked["allowedSourceAddressPrefix"] = source
    return asked


def initiate(cloud: Service, *ports: dict[str, Any], vm: str = VM, **more: Any) -> Any:
    body = {"virtualMachines": [{"id": vm, "ports": list(ports) or [port()]}], **more}
    policies = cloud.security().jit_network_access_policies
    return policies.initiate("rg-app", "westeurope", "default", body)


def policy(cloud: Service) -> Any:
    return cloud.security().jit_network_access_policies.get("rg-app", "westeurope", "default")


def statuses(cloud: Service) -> list[tuple[str, str]]:
    return [
        (str(each.status), str(each.status_reason))
        for request in policy(cloud).requests
        for machine in request.virtual_machines
        for each in machine.ports
    ]


def allow_rules(cloud: Service) -> list[Any]:
    rules = cloud.network().security_rules.list("rg-app", "nsg-app")
    return [rule for rule in rules if "JITRule-" in rule.name]


def vms(*ids: str) -> dict[str, Any]:
    return {"vms": [{"vm": {"id": each}} for each in ids]}


def create_links(cloud: Service, *ids: str) -> list[Any]:
    network = cloud.network()
    return list(
        network.begin_put_bastion_shareable_link("rg-hub", "bastion-hub", vms(*ids)).result(20)
    )


def links(cloud: Service, *ids: str) -> list[Any]:
    network = cloud.network()
    return list(network.get_bastion_shareable_link("rg-hub", "bastion-hub", vms(*ids)))


def delete_links(cloud: Service, *ids: str) -> None:
    network = cloud.network()
    network.begin_delete_bastion_shareable_link("rg-hub", "bastion-hub", vms(*ids)).result(20)


def sessions(cloud: Service) -> list[Any]:
    return list(cloud.network().begin_get_active_sessions("rg-hub", "bastion-hub").result(20))


def connect(cloud: Service, vm: str = VM, **more: Any) -> tuple[int, Any]:
    """(status, body) of somebody's attempt."""
    order = {"bastion": BASTION, "vm": vm, "protocol": "SSH", "userName": "ops"} | more
    status, _, body = cloud.raw("POST", "/_control/sessions", order)
    return status, body


def error_of(info: Any) -> tuple[int, str]:
    """(status, code) of what pytest.raises caught."""
    return info.value.status_code, info.value.error.code


__all__ = ["NSG"]
