"""A window that JIT would not open, or that means nothing."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import pytest

from access.preflight import Check, Level
from tests.azure.checks.applying import apply
from tests.azure.checks.healthy import (
    ADDRESS,
    DENY_NAME,
    NSG_APP,
    NSG_OWN,
    POLICY,
    PREFIX,
    SUB,
    VM,
    Facts,
    all_checks,
    defaults,
    healthy,
    jit_deny,
    keyed,
    not_passing,
    only,
    rule,
)

OLD_ALLOW = "SecurityCenter-JITRule-731208433-3FA5C1D6A0AC4A3F9D8DF2A5C6C3E0B1"
NEW_ALLOW = "MicrosoftDefenderForCloud-JITRule-731208433-3FA5C1D6A0AC4A3F9D8DF2A5C6C3E0B1"
OLD_DENY = "SecurityCenter-JITRule_-1105480617_9EF6A0AC4A3F9D8DF2A5C6C3E0B13FA5"


def with_port(**changes: Any) -> Facts:
    facts = healthy()
    facts["jit_ports"][0] |= changes
    return facts


def rules(facts: Facts) -> list[Facts]:
    found: list[Facts] = facts["nsgs"][NSG_APP.lower()]["rules"]
    return found


def shut(facts: Facts) -> Check:
    return only(all_checks(facts), "jit.shut")


class TestThePolicy:
    def test_that_is_missing_is_made_with_the_bastion_as_only_source(self) -> None:
        facts = healthy()
        facts["jit_ports"] = []
        assert not_passing(facts) == {"jit.policy": Level.FAIL}
        check = only(all_checks(facts), "jit.policy")
        assert check.evidence == "No JIT policy names vm-app-01."
        apply(facts, check.remedy)
        assert facts["jit_ports"] == healthy()["jit_ports"]
        assert not_passing(facts) == {}

    def test_that_does_not_name_the_port_gets_it_besides_the_others(self) -> None:
        facts = healthy()
        check = only(all_checks(facts, port=5432), "jit.port")
        assert (check.level, check.evidence) == (
            Level.FAIL,
            "default guards port 22 of vm-app-01, not 5432.",
        )
        apply(facts, check.remedy)
        assert [row["number"] for row in facts["jit_ports"]] == [22, 5432]

    def test_without_a_known_bastion_no_command_is_printed_that_would_admit_anybody(self) -> None:
        facts = healthy()
        facts["jit_ports"], facts["host"] = [], None
        check = only(all_checks(facts), "jit.policy")
        assert (check.level, check.remedy) == (Level.FAIL, "")


class TestTheCommandForAPolicy:
    """az can only list and show policies; a put replaces the whole policy of many machines."""

    def command(self) -> str:
        return only(all_checks(with_port(max_minutes=30)), "jit.duration").remedy

    def test_puts_what_it_has_just_read(self) -> None:
        put, read = self.command().split(' --body "$(')
        assert shlex.split(put) == [
            "az", "rest", "--method", "put", "--subscription", SUB,
            "--url", f"{POLICY}?api-version=2020-01-01",
        ]  # fmt: skip
        words = shlex.split(read.removesuffix(')"'))
        assert words[:8] == [
            "az", "rest", "--method", "get", "--subscription", SUB,
            "--url", f"{POLICY.removesuffix('/default')}?api-version=2020-01-01",
        ]  # fmt: skip
        assert words[-2:] == ["--output", "json"]

    def test_keeps_every_other_machine_of_the_policy(self) -> None:
        query = shlex.split(self.command().split('"$(')[1].removesuffix(')"'))[9]
        assert f'value[?name==`"default"`].properties.virtualMachines[]|[?id!=`"{VM}"`]' in query

    def test_names_the_machine_and_its_ports(self) -> None:
        (mine,) = [each for each in re.findall("`([^`]*)`", self.command()) if each[0] == "{"]
        assert json.loads(mine) == {
            "id": VM,
            "ports": [
                {
                    "number": 22,
                    "protocol": "*",
                    "allowedSourceAddressPrefix": PREFIX,
                    "maxRequestAccessDuration": "PT1H",
                }
            ],
        }

    def test_leaves_other_ports_as_they_are(self) -> None:
        facts = healthy()
        other = {"number": 3389, "source_prefixes": ["10.9.0.0/24", PREFIX], "max_minutes": 90}
        facts["jit_ports"].append({**facts["jit_ports"][0], **other})
        facts["jit_ports"][0]["max_minutes"] = 30
        apply(facts, only(all_checks(facts), "jit.duration").remedy)
        assert [row["max_minutes"] for row in facts["jit_ports"]] == [60, 90]
        assert facts["jit_ports"][1]["source_prefixes"] == ["10.9.0.0/24", PREFIX]


class TestTheLength:
    def test_beyond_the_maximum_names_the_maximum(self) -> None:
        facts = healthy()
        check = only(all_checks(facts, minutes=240), "jit.duration")
        assert check.level is Level.FAIL
        assert check.evidence == "default allows 180 minutes on port 22; asked: 240."
        apply(facts, check.remedy)
        assert not_passing(facts, minutes=240) == {}

    @pytest.mark.parametrize("minutes", [4, 24 * 60 + 1])
    def test_beyond_what_azure_allows_has_no_remedy(self, minutes: int) -> None:
        check = only(all_checks(healthy(), minutes=minutes), "jit.duration")
        assert (check.level, check.remedy) == (Level.FAIL, "")
        assert "5 to 1440 minutes" in check.evidence

    def test_up_to_the_maximum_is_in_order(self) -> None:
        assert not_passing(healthy(), minutes=180) == {}


@pytest.mark.parametrize(("length", "level"), [(47, Level.PASS), (48, Level.FAIL)])
def test_the_names_of_policy_and_machine_have_56_characters_together(
    length: int, level: Level
) -> None:
    check = only(all_checks(with_port(policy_name="p" * length)), "jit.names")
    assert (check.level, check.remedy) == (level, "")
    assert f"{length + 9} characters of 56" in check.evidence


class TestTheSource:
    @pytest.mark.parametrize(
        ("sources", "level"),
        [
            ([PREFIX], Level.PASS),
            (["*"], Level.WARN),
            (["0.0.0.0/0"], Level.WARN),
            ([PREFIX, "10.9.0.0/24"], Level.WARN),
            (["10.9.0.0/24"], Level.FAIL),
            (["10.0.0.0/16"], Level.FAIL),
            (["10.0.255.5"], Level.FAIL),
            ([], Level.FAIL),
        ],
    )
    def test_must_be_the_bastions_subnet_as_it_is_written(
        self, sources: list[str], level: Level
    ) -> None:
        """Azure compares the text: a wider range does not admit the request."""
        facts = with_port(source_prefixes=sources)
        check = only(all_checks(facts), "jit.source")
        assert check.level is level
        apply(facts, check.remedy)
        assert not_passing(facts) == {}


class TestAStandingRule:
    """The port has to be shut while no window is open."""

    def test_for_the_bastion_alone_is_deleted(self) -> None:
        facts = healthy()
        rules(facts).append(rule("AllowBastionInbound", 200, sources=[PREFIX], ports=["22"]))
        check = shut(facts)
        assert check.level is Level.FAIL
        assert check.evidence == (
            f"{PREFIX} gets to vm-app-01:22 without a window, by AllowBastionInbound (priority "
            "200) in nsg-app."
        )
        assert "rule delete" in check.remedy
        apply(facts, check.remedy)
        assert not_passing(facts) == {}

    @pytest.mark.parametrize(
        "standing",
        [
            rule("AllowVnet", 1002, sources=["VirtualNetwork"]),
            rule("AllowAdmin", 1002, ports=["22", "3389"], sources=[PREFIX]),
            rule("AllowAny", 300, protocol="Tcp"),
            rule("AllowSome", 1002, sources=["10.0.255.0/28", "10.7.0.0/16"], ports=["20-25"]),
        ],
        ids=lambda standing: standing["name"],
    )
    def test_that_serves_others_too_stays_behind_a_deny(self, standing: Facts) -> None:
        """Deleting it would take away what was never asked about."""
        facts = healthy()
        rules(facts).append(standing)
        check = shut(facts)
        assert (check.level, standing["name"] in check.evidence) == (Level.FAIL, True)
        assert "--name DenyBastion22OutsideWindows" in check.remedy
        assert "rule delete" not in check.remedy
        apply(facts, check.remedy)
        assert standing in rules(facts)
        assert not_passing(facts) == {}

    @pytest.mark.parametrize("priority", [100, 150, 200])
    def test_at_the_front_is_moved_so_that_windows_still_come_first(self, priority: int) -> None:
        facts = healthy()
        rules(facts).append(rule("AllowVnet", priority, sources=["VirtualNetwork"]))
        check = shut(facts)
        assert [line.split()[4] for line in check.remedies] == ["update", "create"]
        apply(facts, check.remedy)
        assert not_passing(facts) == {}
        deny = next(row for row in rules(facts) if row["name"].startswith("DenyBastion"))
        assert deny["priority"] >= 200

    def test_behind_jits_deny_is_no_harm(self) -> None:
        facts = healthy()
        rules(facts)[0]["priority"] = 1000
        rules(facts).append(rule("AllowRdp", 1001))
        assert not_passing(facts) == {}

    def test_for_another_machine_or_port_is_no_harm(self) -> None:
        facts = healthy()
        rules(facts).append(rule("Other", 300, destinations=["10.1.0.5"]))
        rules(facts).append(rule("Web", 301, ports=["443"]))
        rules(facts).append(rule("Elsewhere", 302, sources=["10.9.0.0/16"]))
        assert not_passing(facts) == {}

    def test_without_any_deny_of_jit_azures_own_rule_lets_the_bastion_in(self) -> None:
        """A terraform apply wiped JIT's rules: the portal must not say that the port is shut."""
        facts = healthy()
        rules(facts).pop(0)
        check = shut(facts)
        assert check.level is Level.FAIL
        assert check.evidence == (
            f"{PREFIX} gets to vm-app-01:22 without a window, by AllowVnetInBound (priority "
            "65000) in nsg-app; JIT has no deny for it."
        )
        apply(facts, check.remedy)
        assert not_passing(facts) == {}

    def test_two_of_them_are_both_dealt_with(self) -> None:
        facts = healthy()
        rules(facts).append(rule("AllowBastion", 200, sources=[PREFIX], ports=["22"]))
        rules(facts).append(rule("AllowVnet", 900, sources=["VirtualNetwork"]))
        check = shut(facts)
        assert [line.split()[4] for line in check.remedies] == ["delete", "create"]
        apply(facts, check.remedy)
        assert not_passing(facts) == {}

    @pytest.mark.parametrize("name", [OLD_ALLOW, NEW_ALLOW, NEW_ALLOW.upper()])
    def test_an_open_window_is_none(self, name: str) -> None:
        facts = healthy()
        window = rule(name, 100, sources=[PREFIX], destinations=[ADDRESS], ports=["22"])
        rules(facts).append(window)
        assert not_passing(facts) == {}

    def test_a_rule_that_only_sounds_like_jit_is_one(self) -> None:
        facts = healthy()
        rules(facts).append(rule(f"My{NEW_ALLOW}", 100, sources=[PREFIX], ports=["22"]))
        assert shut(facts).level is Level.FAIL

    @pytest.mark.parametrize("name", [DENY_NAME, OLD_DENY])
    def test_both_generations_of_jits_deny_are_known(self, name: str) -> None:
        facts = healthy()
        rules(facts)[0] |= {"name": name}
        rules(facts).append(rule("AllowAny", 300))
        assert "JIT has no deny" not in shut(facts).evidence

    def test_a_deny_that_shuts_half_of_the_subnet_out_shuts_nobody_out(self) -> None:
        facts = healthy()
        rules(facts)[0] = jit_deny() | {"sources": ["10.0.255.0/27"]}
        assert shut(facts).level is Level.FAIL

    def test_is_none_if_the_other_group_shuts_the_port(self) -> None:
        facts = healthy()
        rules(facts).append(rule("AllowAny", 300))
        facts["vm"]["interface"]["nsg"] = NSG_OWN
        own = {"id": NSG_OWN, "name": "nsg-vm-app-01", "rules": [jit_deny(), *defaults()]}
        facts["nsgs"] |= keyed([own])
        assert not_passing(facts) == {}
