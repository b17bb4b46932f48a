"""What Azure would do with a printed command, done to the stored facts: the witness that a remedy
mends what it is printed for."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

from tests.azure.checks.healthy import Facts, defaults, peering


def apply(facts: Facts, remedy: str) -> None:
    for line in remedy.splitlines():
        _apply(facts, line)


def _apply(facts: Facts, line: str) -> None:
    if line.startswith("az rest"):
        _put_policy(facts, line)
        return
    verbs, options = _read(line)
    assert options["--subscription"], line
    HANDLERS[verbs](facts, options)


def _read(line: str) -> tuple[str, dict[str, Any]]:
    """(the verbs, the options with their one word or their list)."""
    program, *words = shlex.split(line)
    assert program == "az"
    first = next(i for i, word in enumerate(words) if word.startswith("--"))
    options: dict[str, list[str]] = {}
    for word in words[first:]:
        if word.startswith("--"):
            options[word] = []
        else:
            options[list(options)[-1]].append(word)
    flat = {key: value[0] if len(value) == 1 else value for key, value in options.items()}
    return " ".join(words[:first]), flat


def _named(rows: dict[str, Facts], name: str) -> Facts:
    (found,) = [row for row in rows.values() if row["name"] == name]
    return found


def _update_host(facts: Facts, options: dict[str, Any]) -> None:
    host = facts["host"]
    assert options["--name"] == host["name"]
    if "--set" in options:
        assert options["--set"].startswith("sku.name=")
        host["sku"] = options["--set"].removeprefix("sku.name=")
    for option, fact in SWITCHES.items():
        if option in options:
            host[fact] = options[option] == "true"
    host["provisioning_state"] = "Succeeded"


def _create_host(facts: Facts, options: dict[str, Any]) -> None:
    host = facts["host"]
    host["zones"] = options.get("--zones", [])
    address = options["--public-ip-address"]
    known = [row for row in facts["public_ips"].values() if address in {row["id"], row["name"]}]
    host["public_ip"] = known[0]["id"]


def _create_address(facts: Facts, options: dict[str, Any]) -> None:
    name = options["--name"]
    row = {"id": f"/created/{name}", "name": name, "address": "203.0.113.77", "attached": ""}
    row |= {"sku": options["--sku"], "method": options["--allocation-method"]}
    facts["public_ips"][row["id"].lower()] = row


def _create_rule(facts: Facts, options: dict[str, Any]) -> None:
    nsg = _named(facts["nsgs"], options["--nsg-name"])
    row = {fact: options[option] for option, fact in RULE_WORDS.items()}
    lists = ("sources", "source_ports", "destinations", "ports")
    row |= {key: row[key] if isinstance(row[key], list) else [row[key]] for key in lists}
    row["priority"] = int(row["priority"])
    taken = {(each["priority"], each["direction"]) for each in nsg["rules"]}
    assert (row["priority"], row["direction"]) not in taken, "Azure refuses an equal priority"
    assert 100 <= row["priority"] <= 4096
    assert row["name"] not in {each["name"] for each in nsg["rules"]}
    nsg["rules"].append(row)


def _update_rule(facts: Facts, options: dict[str, Any]) -> None:
    nsg = _named(facts["nsgs"], options["--nsg-name"])
    (row,) = [each for each in nsg["rules"] if each["name"] == options["--name"]]
    row["priority"] = int(options["--priority"])
    assert 100 <= row["priority"] <= 4096
    ends = [(each["priority"], each["direction"]) for each in nsg["rules"]]
    assert len(ends) == len(set(ends)), "Azure refuses an equal priority"


def _delete_rule(facts: Facts, options: dict[str, Any]) -> None:
    nsg = _named(facts["nsgs"], options["--nsg-name"])
    before = len(nsg["rules"])
    nsg["rules"] = [each for each in nsg["rules"] if each["name"] != options["--name"]]
    assert len(nsg["rules"]) == before - 1


def _create_nsg(facts: Facts, options: dict[str, Any]) -> None:
    group = (
        f"/subscriptions/{options['--subscription']}/resourceGroups/{options['--resource-group']}"
    )
    id_ = f"{group}/providers/Microsoft.Network/networkSecurityGroups/{options['--name']}"
    facts["nsgs"][id_.lower()] = {"id": id_, "name": options["--name"], "rules": defaults()}


def _guard_interface(facts: Facts, options: dict[str, Any]) -> None:
    interface = facts["vm"]["interface"]
    if "--remove" in options:
        assert options["--remove"] == "ipConfigurations[0].publicIPAddress"
        interface["public_ip"] = ""
        return
    interface["nsg"] = options["--network-security-group"]
    assert interface["nsg"].lower() in facts["nsgs"]


def _detach(facts: Facts, options: dict[str, Any]) -> None:
    assert options["--remove"] == "publicIPAddress"
    facts["vm"]["interface"]["public_ip"] = ""


def _update_subnet(facts: Facts, options: dict[str, Any]) -> None:
    owner = _named(facts["networks"], options["--vnet-name"])
    (row,) = [each for each in owner["subnets"] if each["name"] == options["--name"]]
    if "--network-security-group" in options:
        row["nsg"] = options["--network-security-group"]
    if "--address-prefixes" in options:
        row["prefix"] = options["--address-prefixes"]


def _update_network(facts: Facts, options: dict[str, Any]) -> None:
    prefixes = options["--address-prefixes"]
    row = _named(facts["networks"], options["--name"])
    row["prefixes"] = prefixes if isinstance(prefixes, list) else [prefixes]


def _create_peering(facts: Facts, options: dict[str, Any]) -> None:
    """Both sides are Connected as soon as there are two."""
    owner = _named(facts["networks"], options["--vnet-name"])
    remote = facts["networks"][options["--remote-vnet"].lower()]
    assert options["--allow-vnet-access"] == options["--allow-forwarded-traffic"] == "true"
    back = [each for each in remote["peerings"] if each["remote"].lower() == owner["id"].lower()]
    state = "Connected" if back else "Initiated"
    for each in back:
        each["state"] = "Connected"
    owner["peerings"].append(peering(options["--name"], remote["id"], state=state))


def _update_peering(facts: Facts, options: dict[str, Any]) -> None:
    owner = _named(facts["networks"], options["--vnet-name"])
    (row,) = [each for each in owner["peerings"] if each["name"] == options["--name"]]
    for option, fact in PEERING_WORDS.items():
        if option in options:
            row[fact] = options[option] == "true"


def _delete_peering(facts: Facts, options: dict[str, Any]) -> None:
    owner = _named(facts["networks"], options["--vnet-name"])
    owner["peerings"] = [each for each in owner["peerings"] if each["name"] != options["--name"]]


def _start(facts: Facts, options: dict[str, Any]) -> None:
    assert options["--name"] == facts["vm"]["name"]
    facts["vm"]["power"] = "running"


def _nothing(facts: Facts, options: dict[str, Any]) -> None:
    """Waiting, telling peers, and deleting what is made again in the next line."""


def _put_policy(facts: Facts, line: str) -> None:
    """The machine's new entry stands in the query as JSON; the others come from Azure itself."""
    url = re.search(r"--method put .*?--url '([^']*)'", line)
    assert url
    policy_id = url[1].split("?")[0]
    (mine,) = [found for found in re.findall(r"`([^`]*)`", line) if found.startswith('{"id"')]
    entry = json.loads(mine)
    assert entry["id"] == facts["vm"]["id"]
    others = [each for each in facts["jit_ports"] if each["policy_id"] != policy_id]
    facts["jit_ports"] = [*others, *(_stored(policy_id, port) for port in entry["ports"])]


def _stored(policy_id: str, port: dict[str, Any]) -> Facts:
    length = re.fullmatch(r"PT(\d+)([HM])", port["maxRequestAccessDuration"])
    assert length
    one = port.get("allowedSourceAddressPrefix")
    return {
        "policy_id": policy_id,
        "policy_name": policy_id.rsplit("/", 1)[-1],
        "number": port["number"],
        "source_prefixes": [one] if one else port["allowedSourceAddressPrefixes"],
        "max_minutes": int(length[1]) * (60 if length[2] == "H" else 1),
    }


SWITCHES = {
    "--enable-tunneling": "tunneling",
    "--enable-shareable-link": "shareable_links",
    "--enable-ip-connect": "ip_connect",
}
PEERING_WORDS = {"--allow-vnet-access": "access", "--allow-forwarded-traffic": "forwarded"}
RULE_WORDS = {
    "--name": "name",
    "--priority": "priority",
    "--direction": "direction",
    "--access": "access",
    "--protocol": "protocol",
    "--source-address-prefixes": "sources",
    "--source-port-ranges": "source_ports",
    "--destination-address-prefixes": "destinations",
    "--destination-port-ranges": "ports",
}
HANDLERS = {
    "network bastion update": _update_host,
    "network bastion wait": _nothing,
    "network bastion delete": _nothing,
    "network bastion create": _create_host,
    "network public-ip create": _create_address,
    "network nsg create": _create_nsg,
    "network nsg rule create": _create_rule,
    "network nsg rule update": _update_rule,
    "network nsg rule delete": _delete_rule,
    "network nic update": _guard_interface,
    "network nic ip-config update": _detach,
    "network vnet update": _update_network,
    "network vnet subnet update": _update_subnet,
    "network vnet peering create": _create_peering,
    "network vnet peering update": _update_peering,
    "network vnet peering delete": _delete_peering,
    "network vnet peering sync": _nothing,
    "vm start": _start,
}
