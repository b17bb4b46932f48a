"""The rules of windows to addresses, in the security group of an AzureBastionSubnet.

Azure keeps no end for them, so it is the engine that ends each. Rules are written and deleted one
by one, and the group as a whole never: what others wrote stays as it is. Two rules of a direction
cannot share a priority; who meets one that was just taken reads the group again.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from azure.core.exceptions import HttpResponseError

from access.errors import Later, Never, Receipt
from access.kinds import Door, DoorKey, Seen, Stray
from access.models import Machine
from jit.defender import REFERENCE, delete_rule, read_nsg
from jit.outside.guard import Way, kept_shut_by, priority_for, through, way_of
from jit.outside.marks import rule_name, told_by
from jit.outside.words import UNGUARDED
from portal.azure import door as azure
from portal.azure.checks.facts import Nsg, Rule
from portal.azure.checks.nsg import OUTBOUND
from portal.azure.roles import Identity

ATTEMPTS = 3
CONFLICT = "SecurityRuleConflict"
DESCRIPTION_LIMIT = 140  # Azure's, for a rule
IN_FORCE = frozenset({"", "Succeeded"})


def observe(nsg_id: str, doors: Sequence[Door]) -> dict[DoorKey, Seen]:
    """Reads the group once. A group that is gone lets nobody through by a rule of ours."""
    with azure.calling():
        group = read_nsg(nsg_id, Identity.READER)
    return {door.key: _seen(door, group) for door in doors}


def put(nsg_id: str, doors: Sequence[Door]) -> list[Receipt]:
    """One call for each door: Azure has none for several rules that would leave the others."""
    with azure.calling() as receipts:
        for door in doors:
            _put(nsg_id, door, receipts)
    return receipts


def take_away(nsg_id: str, doors: Sequence[Door]) -> list[Receipt]:
    """A rule that is not there any more is none to Azure either: 204."""
    with azure.calling() as receipts:
        for door in doors:
            delete_rule(nsg_id, rule_name(door.machine, door.port))
    return receipts


def survey(nsg_id: str) -> list[Stray]:
    """Every rule with our mark, also one that another portal wrote or somebody by hand."""
    with azure.calling():
        group = read_nsg(nsg_id, Identity.READER)
    rows = (group.security_rules or []) if group else []
    marked = {row.name: told for row in rows if (told := told_by(row.name or ""))}
    machines = Machine.objects.in_bulk([machine for machine, _ in marked.values()])
    return [_stray(nsg_id, row, machines, *marked[row.name]) for row in rows if row.name in marked]


def as_facts(group: Any) -> Nsg:
    """The SDK's security group as the checks take it, with Azure's default rules."""
    rows = [*(group.security_rules or []), *(group.default_security_rules or [])]
    return Nsg(group.id, group.name, tuple(_rule(row) for row in rows))


def _seen(door: Door, group: Any) -> Seen:
    """While somebody wants it, it is open when they get through; when nobody does, it is open as
    long as the rule is there, in whatever form."""
    row = _row_of(door, group)
    if row is None:
        return Seen(open=False)
    state, nsg, way = azure.word(row.provisioning_state), as_facts(group), _way(door)
    detail: dict[str, Any] = {"rule": row.name, "priority": row.priority}
    if way is not None:
        held = kept_shut_by(nsg, way)
        detail |= {"kept_shut_by": held} if held else {"caveat": UNGUARDED}
    if door.until is None:
        return Seen(open=True, detail=detail)
    lets_in = way is not None and _is_for(row, way) and through(nsg, way).whole
    in_force = state in IN_FORCE
    settling = not in_force and state != "Failed"  # a rule that failed is written again
    return Seen(open=lets_in and in_force, settling=settling, detail=detail)


def _put(nsg_id: str, door: Door, receipts: list[Receipt]) -> None:
    where, way, name = azure.parts(nsg_id), _way(door), rule_name(door.machine, door.port)
    client = azure.network(where["subscription"], Identity.OPENER)
    if way is None:
        raise Never("The Bastion's subnet is not known.", receipts=receipts)
    for _ in range(ATTEMPTS):
        body = {"properties": _properties(door, way, _priority(nsg_id, way, name, receipts))}
        try:
            client.security_rules.begin_create_or_update(
                where["resource_group"], where["name"], name, body, polling=False
            )
        except HttpResponseError as error:
            if (error.error.code if error.error else "") != CONFLICT:
                raise
        else:
            return
    why = f"Others are changing the rules of {where['name']}: its priority was taken each time."
    raise Later(why, sent=False, whole=False, receipts=receipts)


def _priority(nsg_id: str, way: Way, name: str, receipts: list[Receipt]) -> int:
    group = read_nsg(nsg_id, Identity.READER)
    if group is None:
        raise Never("The security group of the Bastion's subnet is gone.", receipts=receipts)
    found = priority_for(as_facts(group), way, name)
    if found is None:
        why = f"{group.name} has no priority left ahead of what keeps {way.text} shut."
        raise Never(why, receipts=receipts)
    return found


def _properties(door: Door, way: Way, priority: int) -> dict[str, Any]:
    return {
        "description": description(door.on_behalf),
        "priority": priority,
        "direction": OUTBOUND,
        "access": "Allow",
        "protocol": "Tcp",
        "sourceAddressPrefix": str(way.source),
        "sourcePortRange": "*",
        "destinationAddressPrefix": str(way.address.network_address),
        "destinationPortRange": str(way.port),
    }


def description(on_behalf: str) -> str:
    """The people in full or, where that is too long for Azure, the references of their requests."""
    if len(on_behalf) <= DESCRIPTION_LIMIT:
        return on_behalf
    return " ".join(REFERENCE.findall(on_behalf))[:DESCRIPTION_LIMIT]


def _way(door: Door) -> Way | None:
    return way_of(door.place.source, door.place.address, door.port)


def _row_of(door: Door, group: Any) -> Any:
    name = rule_name(door.machine, door.port).lower()
    rows = (group.security_rules or []) if group else []
    return next((row for row in rows if (row.name or "").lower() == name), None)


def _is_for(row: Any, way: Way) -> bool:
    """As we write it: not what somebody made of it since."""
    rule, to = _rule(row), str(way.address.network_address)
    return (
        rule.allows
        and rule.direction == OUTBOUND
        and rule.sources == (str(way.source),)
        and set(rule.destinations) <= {to, f"{to}/32"}
        and rule.ports == (str(way.port),)
    )


def _stray(nsg_id: str, row: Any, machines: dict[int, Machine], pk: int, port: int) -> Stray:
    machine = machines.get(pk)
    ours = machine is not None and rule_name(machine, port).lower() == row.name.lower()
    place = machine.resource_id if machine and ours else f"{nsg_id}/securityRules/{row.name}"
    rule = {"nsg": nsg_id, "name": row.name, "source": row.source_address_prefix or ""}
    return Stray(place, port, {"rules": [rule], "justification": row.description or ""})


def _rule(row: Any) -> Rule:
    return Rule(
        name=row.name or "",
        priority=row.priority or 0,
        direction=azure.word(row.direction),
        access=azure.word(row.access),
        protocol=azure.word(row.protocol) or "*",
        sources=_either(row.source_address_prefixes, row.source_address_prefix),
        source_ports=_either(row.source_port_ranges, row.source_port_range) or ("*",),
        destinations=_either(row.destination_address_prefixes, row.destination_address_prefix),
        ports=_either(row.destination_port_ranges, row.destination_port_range),
    )


def _either(many: Iterable[str] | None, one: str | None) -> tuple[str, ...]:
    return tuple(many or ()) or ((one,) if one else ())
