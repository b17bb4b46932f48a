"""Room on a Bastion host, for sessions and for links."""

from __future__ import annotations

from typing import Any

import pytest

from access.preflight import Level
from portal.azure.checks import check_capacity, check_link
from portal.azure.checks.facts import Host, Site
from tests.azure.checks.healthy import healthy, host, only


def bastion(**changes: Any) -> Host:
    return Host.from_json({**host(), **changes})


class TestRoom:
    def test_for_the_sessions_expected(self) -> None:
        check = check_capacity(bastion(), 10, 20, 20, 40)
        assert check.level is Level.PASS
        assert check.evidence == (
            "bastion-hub has 4 scale units; 30 RDP and 60 SSH sessions (10 and 20 of them now) "
            "need 3."
        )

    @pytest.mark.parametrize(
        ("rdp", "ssh", "level"),
        [(64, 0, Level.PASS), (65, 0, Level.WARN), (80, 0, Level.WARN), (81, 0, Level.FAIL),
         (0, 128, Level.PASS), (0, 160, Level.WARN), (0, 161, Level.FAIL), (40, 80, Level.WARN),
         (40, 81, Level.FAIL)],
    )  # fmt: skip
    def test_twenty_rdp_or_forty_ssh_fill_a_unit(self, rdp: int, ssh: int, level: Level) -> None:
        assert check_capacity(bastion(), 0, 0, rdp, ssh).level is level

    def test_scaling_names_the_units_and_whom_it_cuts(self) -> None:
        check = check_capacity(bastion(), 60, 0, 60, 0)
        assert check.level is Level.FAIL
        assert check.remedy.endswith("--scale-units 6")
        assert check.evidence.endswith("Scaling cuts the 60 sessions that are open.")

    def test_two_hundred_people_want_ten_units(self) -> None:
        assert check_capacity(bastion(), 0, 0, 200, 0).remedy.endswith("--scale-units 10")

    def test_basic_stays_at_two_whatever_was_read(self) -> None:
        check = check_capacity(bastion(sku="Basic", scale_units=9), 0, 0, 50, 0)
        assert check.level is Level.FAIL
        assert "Basic stays at 2" in check.evidence
        assert check_capacity(bastion(sku="Basic", scale_units=2), 0, 0, 50, 0).remedy.endswith(
            "--set sku.name=Standard --scale-units 3"
        )

    def test_no_host_has_more_than_fifty(self) -> None:
        check = check_capacity(bastion(scale_units=50), 0, 0, 1001, 0)
        assert (check.level, check.remedy) == (Level.FAIL, "")
        assert "a second one is needed" in check.evidence
        assert check_capacity(bastion(), 0, 0, 1001, 0).remedy.endswith("--scale-units 50")

    def test_a_developer_host_has_room_for_nobody_to_count_on(self) -> None:
        check = check_capacity(bastion(sku="Developer"), 0, 0, 1, 0)
        assert (check.level, check.remedy) == (Level.FAIL, "")

    @pytest.mark.parametrize(
        ("links", "level"),
        [(0, Level.PASS), (399, Level.PASS), (400, Level.WARN), (499, Level.WARN), (500, Level.FAIL)],
    )  # fmt: skip
    def test_five_hundred_links_are_the_end(self, links: int, level: Level) -> None:
        found = only(check_link(Site.from_json(healthy()), links), "capacity.links")
        assert found.level is level
        assert f"{links} of 500" in found.evidence

    def test_a_batch_of_links_is_counted_whole(self) -> None:
        found = check_link(Site.from_json(healthy()), 480, 21)
        assert only(found, "capacity.links").level is Level.FAIL
