"""The rules that JIT writes into security groups: a deny for each guarded port, and allows.

Names come in two generations. A deny's name is always the same for its machine and port; that of
an allow is new for each window.
"""

import uuid

from portal.azure.simulator import rules
from portal.azure.simulator.catalogue import Catalogue, Resource, policy_machines
from portal.azure.simulator.network import guard_of
from portal.azure.simulator.resource_ids import name_of, same

ABBREVIATION = {"MicrosoftDefenderForCloud": "MDC", "SecurityCenter": "ASC"}
DENY_MARK = "-JITRule_"
ALLOW_PRIORITIES, DENY_PRIORITIES = range(100, 4097), range(4096, 99, -1)


def guard(catalogue: Catalogue, vm_ids: list[str], generation: str) -> None:
    """Bring the deny rules of these machines in line with the policies that name them."""
    for vm_id in dict.fromkeys(each.lower() for each in vm_ids):
        group, address = guard_of(catalogue, vm_id)
        if group is None:
            continue
        wanted = _guarded_ports(catalogue, vm_id)
        present = _deny_rules(group, address)
        for port in sorted(present.keys() - wanted.keys()):
            group["properties"]["securityRules"].remove(present[port])
        for port in sorted(wanted.keys() - present.keys()):
            _deny(group, address, port, _Origin(generation, *wanted[port]))


def guard_all(catalogue: Catalogue, generation: str) -> None:
    """As when the policies of a whole estate were made."""
    policies = catalogue.of_kind("jit")
    guard(catalogue, [vm["id"] for each in policies for vm in policy_machines(each)], generation)


def allow(catalogue: Catalogue, window: Resource, generation: str) -> str:
    """Returns the rule's id; empty if there is no group to write it into."""
    group, address = guard_of(catalogue, window["vm"])
    if group is None:
        return ""
    policy, vm = name_of(window["policy"]), name_of(window["vm"])
    name = f"{generation}-JITRule-{_signed(uuid.uuid4())}-{uuid.uuid4().hex.upper()}"
    rule = rules.add(
        group,
        name,
        description=(
            f"{ABBREVIATION[generation]} JIT Network Access rule created by an initiation"
            f" request for policy '{policy}' of VM '{vm}'."
        ),
        access="Allow",
        priority=rules.free_priority(group, ALLOW_PRIORITIES),
        **_match(window["source"], address, window["port"]),
    )
    return str(rule["id"])


class _Origin:
    """Whose deny rule it is, as its name and description tell."""

    def __init__(self, generation: str, policy: str, vm_id: str) -> None:
        self.generation, self.policy, self.vm_id = generation, policy, vm_id

    def name(self, port: int) -> str:
        key = uuid.uuid5(uuid.NAMESPACE_URL, f"deny:{self.vm_id.lower()}:{port}")
        return f"{self.generation}{DENY_MARK}{_signed(key)}_{key.hex.upper()}"

    @property
    def description(self) -> str:
        short, vm = ABBREVIATION[self.generation], name_of(self.vm_id)
        return f"{short} JIT Network Access rule for policy '{self.policy}' of VM '{vm}'."


def _guarded_ports(catalogue: Catalogue, vm_id: str) -> dict[int, tuple[str, str]]:
    """(name of the policy, the machine's id as it has it) by port."""
    return {
        port["number"]: (policy["name"], machine["id"])
        for policy in catalogue.of_kind("jit")
        for machine in policy_machines(policy)
        if same(machine["id"], vm_id)
        for port in machine.get("ports") or []
    }


def _deny_rules(group: Resource, address: str) -> dict[int, Resource]:
    return {
        int(rule["properties"]["destinationPortRange"]): rule
        for rule in group["properties"]["securityRules"]
        if DENY_MARK in rule["name"]
        and rule["properties"].get("destinationAddressPrefix") == address
    }


def _deny(group: Resource, address: str, port: int, origin: _Origin) -> None:
    rules.add(
        group,
        origin.name(port),
        description=origin.description,
        access="Deny",
        priority=rules.free_priority(group, DENY_PRIORITIES),
        **_match("*", address, port),
    )


def _match(source: str, address: str, port: int) -> Resource:
    return {
        "direction": "Inbound",
        "protocol": "*",
        "sourceAddressPrefix": source,
        "destinationAddressPrefix": address,
        "destinationPortRange": str(port),
    }


def _signed(key: uuid.UUID) -> int:
    """Some whole number, that may be negative, as Defender puts one into its names."""
    return key.int % 2**32 - 2**31
