"""Whether the security group on a Bastion's subnet lets the host work, in both directions.

Each of the needed flows wants a rule of its own: users report that Azure looks for the rules
themselves when a group comes onto the subnet, and refuses one whose default rules would let the
same traffic through. A flow that a rule ahead denies fails as well. Only where some machines are
reached and others are not is it a warning, for that may be meant.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from access.preflight import Check, Level
from portal.azure.checks import mending, remedies
from portal.azure.checks.addresses import ipv4
from portal.azure.checks.facts import Host, Network, Nsg, Rule, Subnet, home_of
from portal.azure.checks.ids import key_of
from portal.azure.checks.needs import (
    NEEDS_IN,
    NEEDS_OUT,
    Need,
    Other,
    Place,
    has_own_rule,
    own_rules,
    passages,
)
from portal.azure.checks.nsg import DEFAULT_PRIORITY, virtual_network_at
from portal.azure.checks.question import Question

PRESENT = Question(
    "nsg.bastion",
    "A security group guards the Bastion's subnet",
    "Without one, whatever is in the joined networks may talk to the Bastion's instances.",
)
WAY_IN = Question(
    "nsg.bastion_inbound",
    "The Bastion's security group lets people and Azure in",
    "The Bastion cannot be reached or managed: pages hang, and Azure stops updating the host.",
)
WAY_OUT = Question(
    "nsg.bastion_outbound",
    "The Bastion's security group lets it reach machines and Azure",
    "People sign in and then wait for a machine that the Bastion may not talk to.",
)


@dataclass(frozen=True)
class Finding:
    """What is wrong with one need. ``blocker``: the rule that denies it, if one does."""

    need: Need
    level: Level
    text: str
    blocker: Rule | None = None


def guard(host: Host, networks: Mapping[str, Network], nsgs: Mapping[str, Nsg]) -> list[Check]:
    home = home_of(host, networks)
    subnet = home.subnet(host.subnet) if home else None
    prefix = ipv4(subnet.prefix) if subnet else None
    if home is None or subnet is None or prefix is None or subnet.nsg is None:
        return [PRESENT.unknown(host.id, f"whether a security group guards {host.name}'s subnet.")]
    if not subnet.nsg:
        return [_absent(host, subnet)]
    nsg = nsgs.get(key_of(subnet.nsg))
    if nsg is None:
        return [PRESENT.unknown(host.id, f"the rules of {subnet.nsg}.")]
    place = Place(prefix, virtual_network_at(home, networks) or (prefix,))
    return [
        PRESENT.passes(nsg.id, f"{nsg.name} guards {subnet.name} of {home.name}."),
        _direction(WAY_IN, nsg, place, needs_in(host)),
        _direction(WAY_OUT, nsg, place, NEEDS_OUT),
    ]


def needs_in(host: Host) -> tuple[Need, ...]:
    """Nobody comes to a private-only host from the internet."""
    return NEEDS_IN[1:] if host.private_only else NEEDS_IN


def _absent(host: Host, subnet: Subnet) -> Check:
    nsg_id = remedies.new_nsg(host.id, f"nsg-{host.name}")
    rules = [each.rule for each in (*needs_in(host), *NEEDS_OUT)]
    return PRESENT.warns(
        subnet.id,
        f"{subnet.name} has no security group.",
        remedies.create_nsg(nsg_id, host.region),
        *[remedies.create_rule(nsg_id, rule) for rule in rules],
        remedies.guard_subnet(subnet.id, nsg_id),
    )


def _direction(question: Question, nsg: Nsg, place: Place, needs: tuple[Need, ...]) -> Check:
    found = [finding for need in needs if (finding := _judge(need, nsg, place))]
    if not found:
        return question.passes(nsg.id, f"{nsg.name} lets through all {len(needs)} flows.")
    commands: list[str] = []
    mended = nsg
    for need in needs:
        more, mended = _mend(need, mended, place)
        commands += more
    level = Level.FAIL if any(each.level is Level.FAIL for each in found) else Level.WARN
    evidence = f"{nsg.name}: {'; '.join(each.text for each in found)}."
    return question.answer(level, nsg.id, evidence, commands)


def _judge(need: Need, nsg: Nsg, place: Place) -> Finding | None:
    found = passages(need, nsg, place)
    stopping = [ruling for each in found for ruling in each.stopping]
    if stopping:
        first = min(stopping, key=lambda ruling: ruling.rule.priority)
        partly = need.other is Other.MACHINES and all(each.open for each in found)
        level, word = (Level.WARN, "partly denied") if partly else (Level.FAIL, "denied")
        return Finding(need, level, f"{need.text} is {word} by {_named(first.rule)}", first.rule)
    if has_own_rule(need, nsg):
        return None
    letting = [ruling.rule for each in found for ruling in each.letting]
    text = f"{need.text} is missing, and passes by {_named(letting[0])} only"
    return Finding(need, Level.FAIL, text)


def _named(rule: Rule) -> str:
    return f"{rule.name} ({rule.priority})"


def _mend(need: Need, nsg: Nsg, place: Place) -> mending.Mended:
    """Each step is judged before the next one is chosen."""
    commands: list[str] = []
    for _ in range(len(nsg.rules) + 3):
        finding = _judge(need, nsg, place)
        if finding is None:
            break
        more, nsg = _step(finding, nsg)
        commands += more
    return commands, nsg


def _step(finding: Finding, nsg: Nsg) -> mending.Mended:
    """Make room ahead of what denies it, else move its own rule there, else write one."""
    need, blocker = finding.need, finding.blocker
    limit = blocker.priority if blocker else DEFAULT_PRIORITY
    number = mending.free_from(nsg, need.rule, limit)
    if number is None and blocker is not None:
        return mending.move_back(nsg, blocker)
    number = number or need.rule.priority
    behind = [rule for rule in own_rules(need, nsg) if blocker and rule.priority > limit]
    if behind and has_own_rule(need, nsg):
        return mending.move(nsg, behind[0], number)
    return mending.add(nsg, replace(need.rule, priority=number))
