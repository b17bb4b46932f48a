"""What a principal may do in simulated Azure, and how it is refused what it may not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from hypothesis import given
from hypothesis import strategies as st

from portal.azure import patterns
from portal.azure.simulator import roles
from portal.azure.simulator.routes import OTHERS, ROUTES
from tests.azure.simulator.doing import allow_rules, create_links, error_of, initiate, links, vms
from tests.azure.simulator.service import (
    BASTION,
    NSG,
    POLICY,
    ROOT,
    SUB,
    VM,
    Service,
    launched,
    running,
)

HOST = ("rg-hub", "bastion-hub")
VERSION = "api-version=2026-03-01"
NETWORK = "Microsoft.Network"
PERMISSIONS = "providers/Microsoft.Authorization/permissions?api-version=2022-04-01"
HOSTS = f"{NETWORK}/bastionHosts"
JIT = "Microsoft.Security/locations/jitNetworkAccessPolicies"
# What Azure's list of operations calls each of them.
ACTIONS = {
    "vm.instance_view": "Microsoft.Compute/virtualMachines/instanceView/read",
    "rule.put": f"{NETWORK}/networkSecurityGroups/securityRules/write",
    "rule.delete": f"{NETWORK}/networkSecurityGroups/securityRules/delete",
    "rule.get": f"{NETWORK}/networkSecurityGroups/securityRules/read",
    "link.create": f"{HOSTS}/createShareableLinks/action",
    "link.list": f"{HOSTS}/getShareableLinks/action",
    "link.delete": f"{HOSTS}/deleteShareableLinks/action",
    "link.delete_by_token": f"{HOSTS}/deleteShareableLinksByToken/action",
    "session.list": f"{HOSTS}/getactivesessions/action",
    "session.disconnect": f"{HOSTS}/disconnectactivesessions/action",
    "jit.list": f"{JIT}/read",
    "jit.get": f"{JIT}/read",
    "jit.put": f"{JIT}/write",
    "jit.delete": f"{JIT}/delete",
    "jit.initiate": f"{JIT}/initiate/action",
    "vm.get": "Microsoft.Compute/virtualMachines/read",
    "vm.list": "Microsoft.Compute/virtualMachines/read",
    "nsg.get": f"{NETWORK}/networkSecurityGroups/read",
    "bastion.list": f"{HOSTS}/read",
    "subnet.list": f"{NETWORK}/virtualNetworks/subnets/read",
    "peering.get": f"{NETWORK}/virtualNetworks/virtualNetworkPeerings/read",
    "permission.list": "Microsoft.Authorization/permissions/read",
    "operation.status": f"{NETWORK}/locations/operations/read",
    "operation.result": f"{NETWORK}/locations/operationResults/read",
}


@pytest.fixture
def office(cloud: Service) -> Iterator[Service]:
    """The small estate, where the closer may end things and the opener begin them."""
    files = {name: (ROOT / "docs/roles" / f"{name}.json").read_text() for name in ROLES}
    assign(cloud, **{name: [json.loads(text)] for name, text in files.items()})
    yield cloud
    assign(cloud, **dict.fromkeys(ROLES))


ROLES = ("reader", "opener", "closer")


def assign(cloud: Service, **told: Any) -> Any:
    return cloud.control("POST", "roles", told)["roles"]


def ask(cloud: Service, method: str, path: str, who: str, body: Any = None) -> tuple[int, Any]:
    """(status, error code or body)."""
    token = {"Authorization": f"Bearer static:{who}"}
    status, _, found = cloud.raw(method, f"{path}?{VERSION}", body, **token)
    return status, found["error"]["code"] if found and "error" in found else found


def test_the_closer_cannot_create_a_link(office: Service) -> None:
    """X-76"""
    with pytest.raises(HttpResponseError) as info:
        office.network("closer").begin_put_bastion_shareable_link(*HOST, vms(VM), polling=False)
    assert error_of(info) == (403, "AuthorizationFailed")
    assert links(office) == []
    (row,) = office.record("link.create")
    assert (row["principal"], row["status"]) == ("closer", 403)
    assert row["error"] == "AuthorizationFailed"


def test_the_opener_cannot_delete_a_rule(office: Service) -> None:
    """X-76: what opened a port cannot take away the trace of it."""
    initiate(office)
    (rule,) = allow_rules(office)
    with pytest.raises(HttpResponseError) as info:
        office.network("opener").security_rules.begin_delete("rg-app", "nsg-app", rule.name)
    assert error_of(info) == (403, "AuthorizationFailed")
    assert [each.name for each in allow_rules(office)] == [rule.name]
    (row,) = office.record("rule.delete")
    assert (row["principal"], row["status"]) == ("opener", 403)


def test_the_opener_opens_and_the_closer_closes(office: Service) -> None:
    opener, closer = office.network("opener"), office.network("closer")
    opener.begin_put_bastion_shareable_link(*HOST, vms(VM), polling=False)
    assert [
        each.vm.id for each in office.network("reader").get_bastion_shareable_link(*HOST, vms())
    ] == [VM]
    closer.begin_delete_bastion_shareable_link(*HOST, vms(VM), polling=False)
    assert links(office) == []


def test_the_reader_lists_sessions_and_follows_the_operation(office: Service) -> None:
    assert list(office.network("reader").begin_get_active_sessions(*HOST).result(20)) == []


def test_the_refusal_is_worded_as_azure_words_it(office: Service) -> None:
    path = f"{BASTION}/createShareableLinks?{VERSION}"
    token = {"Authorization": "Bearer static:closer"}
    told = office.raw("POST", path, vms(VM), **token)[2]["error"]["message"]
    assert told == (
        "The client 'closer' with object id 'closer' does not have authorization to perform action "
        "'Microsoft.Network/bastionHosts/createShareableLinks/action' over scope "
        f"'{BASTION}' or the scope is invalid. If access was recently granted, please refresh your "
        "credentials."
    )


def test_a_refused_read_is_no_line_of_the_record(office: Service) -> None:
    assert ask(office, "GET", BASTION, "opener") == (403, "AuthorizationFailed")
    assert office.record() == []


def test_whoever_is_not_named_may_do_everything(office: Service) -> None:
    assert len(create_links(office, VM)) == 1


def test_who_has_no_role_may_do_nothing(cloud: Service) -> None:
    assign(cloud, guest=[])
    assert ask(cloud, "GET", BASTION, "guest") == (403, "AuthorizationFailed")
    assert ask(cloud, "GET", "/subscriptions", "guest") == (200, {"value": []})
    assign(cloud, guest=None)
    assert ask(cloud, "GET", BASTION, "guest")[0] == 200


def test_what_is_there_is_not_told_to_who_may_not_look(office: Service) -> None:
    missing = BASTION.replace("bastion-hub", "bastion-none")
    assert ask(office, "GET", missing, "opener") == (403, "AuthorizationFailed")
    assert ask(office, "GET", missing, "reader") == (404, "ResourceNotFound")


def test_stars_reach_over_slashes_and_case_does_not_matter(cloud: Service) -> None:
    assign(cloud, guest=["microsoft.NETWORK/*/Read"])
    assert ask(cloud, "GET", BASTION, "guest")[0] == 200
    assert ask(cloud, "GET", f"{NSG}/securityRules", "guest")[0] == 200
    assert ask(cloud, "GET", VM, "guest")[0] == 403
    assert ask(cloud, "POST", f"{BASTION}/getShareableLinks", "guest", vms())[0] == 403


def test_not_actions_narrow_their_own_role_and_no_other(cloud: Service) -> None:
    nearly_all = {"actions": ["*"], "notActions": [f"{HOSTS}/*"]}
    assign(cloud, guest=[nearly_all])
    assert ask(cloud, "GET", VM, "guest")[0] == 200
    assert ask(cloud, "GET", BASTION, "guest")[0] == 403
    assign(cloud, guest=[nearly_all, {"actions": [f"{HOSTS}/read"]}])
    assert ask(cloud, "GET", BASTION, "guest")[0] == 200


def test_a_role_holds_below_its_scope_only(cloud: Service) -> None:
    hub = f"/subscriptions/{SUB}/resourceGroups/RG-HUB"
    assign(cloud, guest=[{"actions": ["*/read"], "scope": hub}])
    assert ask(cloud, "GET", BASTION, "guest")[0] == 200
    assert ask(cloud, "GET", VM, "guest")[0] == 403
    assert ask(cloud, "GET", BASTION.rsplit("/", 1)[0], "guest")[0] == 200
    assert ask(cloud, "GET", f"/subscriptions/{SUB}/providers/{HOSTS}", "guest")[0] == 403
    assert ask(cloud, "GET", f"{hub}-2/providers/{HOSTS}", "guest")[0] == 403


def test_resource_graph_leaves_out_without_a_word(cloud: Service) -> None:
    """An estate that lacks a kind looks like one in which there is none of it."""
    path = "/providers/Microsoft.ResourceGraph/resources"
    query = {"query": "resources | project id, type", "subscriptions": [SUB]}
    assign(cloud, guest=["Microsoft.Compute/virtualMachines/read"])
    assert ask(cloud, "POST", path, "guest", query) == (403, "AuthorizationFailed")
    assign(cloud, guest=["Microsoft.Compute/virtualMachines/read", roles.GRAPH])
    status, body = ask(cloud, "POST", path, "guest", query)
    assert status == 200
    assert {row["type"] for row in body["data"]} == {"microsoft.compute/virtualmachines"}
    everything = ask(cloud, "POST", path, "raw", query)[1]
    assert 0 < body["totalRecords"] < everything["totalRecords"]


def test_everybody_may_ask_what_they_may_do_if_they_may_ask_that(office: Service) -> None:
    for scope in (f"/subscriptions/{SUB}", BASTION.split("/providers")[0], BASTION, POLICY):
        token = {"Authorization": "Bearer static:closer"}
        status, _, body = office.raw("GET", f"{scope}/{PERMISSIONS}", **token)
        assert status == 200
        (row,) = body["value"]
        assert set(row) == {"actions", "notActions", "dataActions", "notDataActions"}
        assert f"{HOSTS}/deleteShareableLinks/action" in row["actions"]
    assert office.raw("GET", f"{BASTION}/{PERMISSIONS}")[2]["value"][0]["actions"] == ["*"]
    assign(office, guest=["Microsoft.Network/*"])
    token = {"Authorization": "Bearer static:guest"}
    assert office.raw("GET", f"{BASTION}/{PERMISSIONS}", **token)[0] == 403
    assign(office, guest=None)


@pytest.mark.parametrize(
    "told",
    [
        ["*"],
        {"guest": "*"},
        {"guest": [7]},
        {"guest": [{"notActions": []}]},
        {"guest": [{"actions": "*"}]},
    ],
)
def test_what_is_no_role_is_refused(cloud: Service, told: Any) -> None:
    before = cloud.control("GET", "roles")
    assert cloud.raw("POST", "/_control/roles", told)[0] == 400
    assert cloud.control("GET", "roles") == before


def test_roles_of_the_command_line_survive_a_reset_and_a_kill(tmp_path: Path) -> None:
    file = tmp_path / "role.json"
    file.write_text(json.dumps({"Name": "Links only", "Actions": [f"{HOSTS}/*"]}))
    state = ["--estate", "small", "--state", str(tmp_path / "azure.json")]
    with running(*state, "--role", f"guest={file}") as before:
        assert ask(before, "GET", VM, "guest")[0] == 403
        assign(before, guest=["*"], other=[])
        assert ask(before, "GET", VM, "guest")[0] == 200
        before.process.kill()
        before.process.wait()
    with running(*state, "--role", f"guest={file}") as after:
        assert ask(after, "GET", VM, "guest")[0] == 403
        assert ask(after, "GET", VM, "other")[0] == 403
        after.reset()
        assert ask(after, "GET", VM, "guest")[0] == 403
        assert ask(after, "GET", VM, "other")[0] == 200


def test_a_state_from_before_there_were_roles_is_read(tmp_path: Path) -> None:
    file = tmp_path / "azure.json"
    with running("--estate", "small", "--state", str(file)):
        pass
    kept = json.loads(file.read_text())
    del kept["roles"]
    file.write_text(json.dumps(kept))
    with running("--estate", "small", "--state", str(file)) as service:
        assert service.control("GET", "roles") == {"roles": {}}


@pytest.mark.parametrize("told", ["guest", "guest=none.json", "guest=/dev/null", "=x"])
def test_an_unreadable_role_is_said_in_one_line(told: str) -> None:
    process = launched("--port", "0", "--estate", "empty", "--role", told)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 4
    assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.operation}")
def test_every_operation_has_the_action_that_azure_lists(route: Any) -> None:
    if route.operation in roles.FILTERED | {"graph.query"}:
        return
    path = "/".join(word.replace("{}", "x") for word in route.words)
    action = roles.action_of(route.method, path)
    assert re.fullmatch(r"[\w.]+(/\w+)+/(read|write|delete|action)", action)
    known = ACTIONS.get(route.operation, action)
    assert action.lower() == known.lower()


def test_every_write_and_every_odd_one_is_in_the_table() -> None:
    words = {word for _, _, word in OTHERS} - roles.FILTERED - {"graph.query"}
    assert not {word for word in words if word.split(".")[0] in {"jit", "link", "session"}} - set(
        ACTIONS
    )


names = st.text("aB/*", max_size=8)


@given(names, st.text("aB/", max_size=8))
def test_it_reads_patterns_as_the_product_does(pattern: str, action: str) -> None:
    """They share no code, so each bears witness for the other."""
    assert roles._fits(pattern, action.lower()) == patterns.matches(pattern, action)
