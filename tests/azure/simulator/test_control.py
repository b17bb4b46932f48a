"""The control API: looking behind the answers, and edits past the portal."""

from __future__ import annotations

import socket

from tests.azure.simulator.doing import create_links, initiate, links, policy, statuses
from tests.azure.simulator.service import BASTION, NSG, POLICY, VM, Service


def test_the_record_tells_who_asked_what_and_what_came_of_it(cloud: Service) -> None:
    create_links(cloud, VM)
    asked, made = cloud.record()
    assert (asked["seq"], asked["operation"], asked["principal"]) == (1, "link.create", "tester")
    assert (asked["resource"], asked["status"], asked["error"]) == (BASTION, 202, None)
    assert asked["body"] == {"vms": [{"vm": {"id": VM}}]}
    assert asked["client_request_id"]
    assert asked["correlation_id"]
    assert (made["seq"], made["operation"], made["principal"]) == (2, "link.created", "azure")
    assert (made["because"], made["resource"]) == (1, VM)
    assert cloud.control("GET", "record?since=1") == {"record": [made], "last": 2}


def test_reads_are_counted_and_not_recorded(cloud: Service) -> None:
    policy(cloud)
    links(cloud)
    assert cloud.control("GET", "calls")["calls"] == {"jit.get": 1, "link.list": 1}
    assert cloud.record() == []


def test_by_hand_a_link_is_added_and_deleted(cloud: Service) -> None:
    order = {"bastion": BASTION, "vm": VM}
    cloud.control("POST", "hand", {"add_link": order})
    assert [each.vm.id for each in links(cloud)] == [VM]
    cloud.control("POST", "hand", {"delete_link": order})
    assert links(cloud) == []
    told = [(row["operation"], row["principal"]) for row in cloud.record()]
    assert told == [("hand.add_link", "person"), ("hand.delete_link", "person")]


def test_by_hand_a_window_is_opened_from_somewhere_else(cloud: Service) -> None:
    order = {"policy": POLICY, "vm": VM, "port": 22, "source": "203.0.113.9", "seconds": 600}
    cloud.control("POST", "hand", {"initiate": order})
    assert statuses(cloud) == [("Initiated", "UserRequested")]
    (request,) = policy(cloud).requests
    assert request.requestor == "person@example.test"
    assert cloud.state()["open_windows"][0]["source"] == "203.0.113.9"


def test_orders_that_make_no_sense_are_refused(cloud: Service) -> None:
    for order in ({}, {"dance": 1}, {"delete_rule": "/x/y/z"}, {"stop_vm": "/none"}, [1],
                  {"add_link": {"bastion": BASTION}}, {"add_rule": {"nsg": NSG, "priority": "x"}}):  # fmt: skip
        status, _, body = cloud.raw("POST", "/_control/hand", order)
        assert status in {400, 404}, (order, body)
    assert cloud.record() == []


def test_what_is_no_control_is_404_and_what_is_no_json_400(cloud: Service) -> None:
    assert cloud.raw("GET", "/_control/nothing")[0] == 404
    assert cloud.raw("POST", "/_control/clock", {"advance": 5})[0] == 400
    assert cloud.raw("POST", "/_control/pace", {"initiat": 5})[0] == 400
    assert cloud.raw("POST", "/_control/pace", {"overlap": "sometimes"})[0] == 400
    assert cloud.raw("POST", "/_control/reset", {"estate": "big"})[0] == 400
    assert cloud.raw("POST", "/_control/reset", {"estate": {"resources": []}})[0] == 400


def test_a_web_page_cannot_use_it(cloud: Service) -> None:
    assert cloud.raw("POST", "/_control/reset", {}, Origin="https://evil.example")[0] == 403
    assert cloud.raw("GET", "/_control/state", Host="evil.example")[0] == 403


def test_a_reset_forgets_everything(cloud: Service) -> None:
    create_links(cloud, VM)
    initiate(cloud)
    cloud.fault(operation="*", action="slow", seconds=0)
    cloud.advance(50)
    cloud.control("POST", "reset", {})
    found = cloud.state()
    assert found["links"] == found["windows"] == found["faults"] == cloud.record() == []
    assert found["clock"]["offset_seconds"] == 0
    assert found["pace"]["link_create"] == 1.5


def test_the_state_can_be_asked_without_the_estate(cloud: Service) -> None:
    assert "estate" not in cloud.control("GET", "state?estate=no")


def test_a_truncated_request_harms_nobody(cloud: Service) -> None:
    with socket.create_connection(("127.0.0.1", cloud.port)) as half:
        half.sendall(b"POST /_control/reset HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
    assert cloud.state()
