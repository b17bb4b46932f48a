"""Machines made directly, for stories in which Azure is not asked."""

from __future__ import annotations

from typing import Any

from access.clock import db_now
from access.models import BastionHost, Gate, Machine
from jit.models import JitPort
from links.models import LinkHost

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
PREFIX = "10.0.255.0/26"


def host(name: str = "bastion-hub", **changes: Any) -> BastionHost:
    key = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-hub/providers/Microsoft.Network/bastionHosts/{name}"
    values: dict[str, Any] = {
        "resource_id": key,
        "resource_key": key.lower(),
        "name": name,
        "subscription_id": SUBSCRIPTION,
        "resource_group": "rg-hub",
        "region": "westeurope",
        "sku": "Standard",
        "tunneling": True,
        "shareable_links": True,
        "subnet_prefix": PREFIX,
        "synced_at": db_now(),
    }
    made = BastionHost.objects.create(**(values | changes))
    gate = Gate.objects.create(kind="link", resource_id=key, resource_key=key.lower(), name=name)
    LinkHost.objects.create(host=made, gate=gate)
    return made


def machine(
    name: str = "vm-app-01",
    *,
    bastion: BastionHost | None = None,
    minutes: int = 180,
    **changes: Any,
) -> Machine:
    """A Linux machine guarded by JIT on port 22 (Windows: 3389)."""
    key = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-app/providers/Microsoft.Compute/virtualMachines/{name}"
    bastion = bastion or BastionHost.objects.first() or host()
    values: dict[str, Any] = {
        "resource_id": key,
        "resource_key": key.lower(),
        "name": name,
        "vm_id": f"vm-id-of-{name}",
        "subscription_id": SUBSCRIPTION,
        "subscription_name": "Test",
        "resource_group": "rg-app",
        "region": "westeurope",
        "os": "linux",
        "private_ip": "10.0.1.4",
        "nsg_ids": [
            f"{key.rsplit('/providers', 1)[0]}/providers/Microsoft.Network/networkSecurityGroups/nsg-app"
        ],
        "environment": "staging",
        "owner": "payments",
        "bastion": bastion,
        "synced_at": db_now(),
    }
    made = Machine.objects.create(**(values | changes))
    guard(made, minutes=minutes)
    return made


def guard(made: Machine, *, port: int | None = None, minutes: int = 180) -> JitPort:
    policy = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-app/providers/Microsoft.Security/locations/westeurope/jitNetworkAccessPolicies/default"
    gate, _ = Gate.objects.get_or_create(
        kind="window",
        resource_key=policy.lower(),
        defaults={"resource_id": policy, "name": "rg-app/default"},
    )
    return JitPort.objects.create(
        machine=made,
        gate=gate,
        number=port or made.login_port,
        source_prefixes=[PREFIX],
        max_minutes=minutes,
    )
