"""Many callers at the same time: the truth stays one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.azure.simulator.doing import links, vms
from tests.azure.simulator.service import BASTION, VM, VM2, Service

CREATE = f"{BASTION}/createShareableLinks?api-version=2026-03-01"
DELETE = f"{BASTION}/deleteShareableLinks?api-version=2026-03-01"


def test_forty_creates_for_one_machine_make_one_link(cloud: Service) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: cloud.raw("POST", CREATE, vms(VM))[0], range(40)))
    assert answers == [202] * 40
    assert len(links(cloud)) == len(cloud.record("link.created")) == 1
    assert len(cloud.record("link.create")) == 40


def test_the_record_has_no_gap_and_explains_what_is_left(cloud: Service) -> None:
    def one(number: int) -> int:
        path = DELETE if number % 3 == 0 else CREATE
        return cloud.raw("POST", path, vms(VM if number % 2 else VM2))[0]

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(one, range(60))) == {202}
    rows = cloud.record()
    assert sorted(row["seq"] for row in rows) == list(range(1, len(rows) + 1))
    alive: set[str] = set()
    for row in rows:
        if row["operation"] == "link.created":
            assert row["resource"] not in alive
            alive.add(row["resource"])
        elif row["operation"] == "link.deleted":
            alive.remove(row["resource"])
    assert {each.vm.id for each in links(cloud)} == alive
