"""Sessions: who can connect, who is listed, who is disconnected."""

from __future__ import annotations

import pytest

from tests.azure.simulator.doing import (
    connect,
    create_links,
    delete_links,
    initiate,
    port,
    sessions,
)
from tests.azure.simulator.service import BARE, BASTION, NSG, VM, WINDOWS, Service


def test_nobody_gets_in_while_the_port_is_shut(cloud: Service) -> None:
    status, body = connect(cloud)
    assert (status, body["error"]["code"]) == (409, "DoorClosed")
    assert connect(cloud, force=True)[0] == 201


def test_through_a_window_somebody_does_and_is_listed(cloud: Service) -> None:
    initiate(cloud)
    status, body = connect(cloud)
    assert status == 201
    (row,) = sessions(cloud)
    assert (row.session_id, row.user_name, row.protocol) == (body["sessionId"], "ops", "SSH")
    assert (row.target_resource_id, row.target_ip_address) == (VM, "10.0.1.4")
    assert row.session_duration_in_mins == 0.0
    cloud.advance(90)
    assert sessions(cloud)[0].session_duration_in_mins == 1.5


def test_a_window_for_ssh_is_no_door_for_rdp(cloud: Service) -> None:
    initiate(cloud)
    assert connect(cloud, protocol="RDP", vm=WINDOWS)[0] == 409
    initiate(cloud, port(3389), vm=WINDOWS)
    assert connect(cloud, protocol="RDP", vm=WINDOWS)[0] == 201


def test_without_jit_the_port_was_never_shut(cloud: Service) -> None:
    assert connect(cloud, vm=BARE)[0] == 201


def test_a_standing_rule_ahead_of_the_deny_lets_everybody_in(cloud: Service) -> None:
    rule = {"nsg": NSG, "source": "10.0.255.0/26", "port": 22, "priority": 300}
    cloud.control("POST", "hand", {"add_rule": rule})
    assert connect(cloud)[0] == 201


def test_a_link_is_a_door_too(cloud: Service) -> None:
    create_links(cloud, VM)
    assert connect(cloud, via="account")[0] == 409
    assert connect(cloud, via="link")[0] == 201


def test_a_stopped_machine_takes_nobody(cloud: Service) -> None:
    initiate(cloud)
    cloud.control("POST", "hand", {"stop_vm": VM})
    status, body = connect(cloud)
    assert (status, body["error"]["code"]) == (409, "MachineNotRunning")


def test_a_session_survives_the_end_of_its_window_and_of_its_link(cloud: Service) -> None:
    initiate(cloud, port(minutes=10))
    create_links(cloud, VM)
    connect(cloud)
    connect(cloud, via="link")
    cloud.advance(11 * 60)
    delete_links(cloud, VM)
    assert cloud.state()["open_windows"] == cloud.state()["links"] == []
    assert len(sessions(cloud)) == 2
    assert connect(cloud)[0] == 409


def test_each_row_of_a_disconnect_has_its_own_state(cloud: Service) -> None:
    one = connect(cloud, force=True)[1]["sessionId"]
    stuck = connect(cloud, force=True, stuck=True)[1]["sessionId"]
    rows = cloud.network().disconnect_active_sessions(
        "rg-hub", "bastion-hub", {"sessionIds": [one, stuck, "nobody"]}
    )
    assert [row.state for row in rows] == ["Disconnected", "Failed", "NotFound"]
    assert [row.session_id for row in sessions(cloud)] == [stuck]
    (call,), (effect,) = cloud.record("session.disconnect"), cloud.record("session.disconnected")
    assert (effect["because"], effect["resource"]) == (call["seq"], VM)


def test_the_list_is_an_operation_that_takes_its_time(cloud: Service) -> None:
    connect(cloud, force=True)
    cloud.pace(sessions=2)
    path = f"{BASTION}/getActiveSessions?api-version=2026-03-01"
    status, headers, body = cloud.raw("POST", path)
    assert (status, body, headers["retry-after"]) == (202, None, "2")
    result = headers["location"].removeprefix(cloud.url)
    assert cloud.raw("GET", result)[0] == 202
    cloud.advance(3)
    assert len(cloud.raw("GET", result)[2]["value"]) == 1


def test_somebody_logs_off(cloud: Service) -> None:
    session = connect(cloud, force=True)[1]["sessionId"]
    cloud.control("DELETE", f"sessions/{session}")
    assert sessions(cloud) == []
    assert cloud.raw("DELETE", f"/_control/sessions/{session}")[0] == 404


@pytest.mark.parametrize("order", [{"vm": "/nowhere"}, {"protocol": "TELNET"}])
def test_a_session_that_makes_no_sense_is_refused(cloud: Service, order: dict[str, str]) -> None:
    assert connect(cloud, **order)[0] in {400, 404}
