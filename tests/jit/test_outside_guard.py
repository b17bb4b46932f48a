"""What keeps an address shut, and where a window's rule has to go: pure answers from facts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit.outside.guard import Way, keep_shut, kept_shut_by, priority_for, standing, through, way_of
from portal.azure.checks.facts import Nsg, Rule
from portal.azure.checks.nsg import OUTBOUND, with_rule
from tests.azure.checks.applying import apply

PREFIX, ADDRESS = "10.0.255.0/26", "192.168.40.10"
NSG_ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/g"
OURS = "BastionAccess-7-22-0badcafe"


def way(port: int = 22) -> Way:
    made = way_of(PREFIX, ADDRESS, port)
    assert made is not None
    return made


def rule(name: str, priority: int, access: str = "Allow", **changes: object) -> Rule:
    made = Rule(name, priority, OUTBOUND, access, "*", ("*",), ("*",), ("*",), ("*",))
    return replace(made, **changes)  # type: ignore[arg-type]


def group(*rules: Rule) -> Nsg:
    return Nsg(NSG_ID, "g", rules)


MICROSOFTS = rule(
    "AllowSshRdpOutbound", 100, destinations=("VirtualNetwork",), ports=("22", "3389")
)
DENY = rule("KeepOut", 250, "Deny", destinations=(ADDRESS,))


def test_azures_own_default_rules_let_the_bastion_to_what_is_behind_a_gateway() -> None:
    assert kept_shut_by(group(), way()) == ""
    assert kept_shut_by(group(MICROSOFTS), way()) == ""


def test_a_deny_ahead_keeps_it_shut_and_one_behind_an_allow_does_not() -> None:
    assert kept_shut_by(group(DENY), way()) == "KeepOut (priority 250) in g"
    assert kept_shut_by(group(DENY, MICROSOFTS), way()) == ""
    assert kept_shut_by(group(DENY, replace(MICROSOFTS, priority=300)), way()).startswith("KeepOut")


@pytest.mark.parametrize(
    "changes",
    [
        {"sources": ("10.0.255.0/27",)},  # half of the Bastion's instances
        {"ports": ("3389",)},
        {"protocol": "Udp"},
        {"destinations": ("192.168.40.11",)},
        {"direction": "Inbound"},
    ],
)
def test_what_denies_a_part_or_something_else_keeps_nothing_shut(
    changes: dict[str, object],
) -> None:
    assert kept_shut_by(group(replace(DENY, **changes)), way()) == ""  # type: ignore[arg-type]


def test_an_open_window_does_not_count_as_standing_open() -> None:
    nsg = group(DENY, rule(OURS, 249, destinations=(ADDRESS,), ports=("22",)))
    assert through(nsg, way()).whole
    assert kept_shut_by(nsg, way()) == "KeepOut (priority 250) in g"


@given(st.sets(st.integers(min_value=100, max_value=260), max_size=161))
def test_a_priority_is_free_and_takes_effect_or_there_is_none(taken: set[int]) -> None:
    others = [rule(f"r{n}", n, destinations=("10.9.9.9",)) for n in taken - {DENY.priority}]
    nsg = group(DENY, *others)
    number = priority_for(nsg, way(), OURS)
    if number is None:
        assert set(range(100, 250)) <= taken
        return
    assert 100 <= number < DENY.priority
    assert number not in taken
    opened = with_rule(nsg, rule(OURS, number, destinations=(ADDRESS,), ports=("22",)))
    assert through(opened, way()).whole
    assert not standing(opened, way()).open


def test_its_own_rule_is_not_in_its_way() -> None:
    nsg = group(DENY, rule(OURS, 249, destinations=(ADDRESS,), ports=("22",)))
    assert priority_for(nsg, way(), OURS.upper()) == 249
    assert priority_for(nsg, way(), "BastionAccess-8-22-0badcafe") == 4096  # passes already


def test_the_commands_of_the_remedy_keep_it_shut_and_leave_room_for_windows() -> None:
    nsg = group(MICROSOFTS, rule("AllowAll", 120))
    commands = keep_shut(nsg, way())
    assert [command.split()[4] for command in commands] == ["create", "update", "update"]
    assert "DenyBastionTo-192-168-40-10" in commands[0]
    mended = applied(nsg, commands)
    assert kept_shut_by(mended, way()).startswith("DenyBastionTo-192-168-40-10")
    assert priority_for(mended, way(), OURS) is not None
    other = way_of(PREFIX, "10.0.1.4", 22)
    assert other is not None
    assert standing(mended, other).whole  # everybody else is reached as before


def applied(nsg: Nsg, commands: list[str]) -> Nsg:
    """As Azure has it after they were pasted."""
    rows = [
        {k: list(v) if isinstance(v, tuple) else v for k, v in vars(r).items()} for r in nsg.rules
    ]
    facts = {"nsgs": {NSG_ID.lower(): {"id": nsg.id, "name": nsg.name, "rules": rows}}}
    apply(facts, "\n".join(commands))
    return Nsg.from_json(facts["nsgs"][NSG_ID.lower()])


def test_both_ends_must_be_known() -> None:
    assert way_of("", ADDRESS, 22) is None
    assert way_of(PREFIX, "", 22) is None
