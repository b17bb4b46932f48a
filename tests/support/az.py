"""What the command line ``az`` does with a printed command: the REST calls it makes, sent to the
simulated Azure. It reads a resource, changes it and puts it back, as ``az`` itself does."""

from __future__ import annotations

import json
import re
import shlex
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from tests.support.azure import SimulatedAzure

Body = dict[str, Any]
Options = dict[str, Any]
API = "api-version=2024-05-01"


class Refused(Exception):
    """Azure answered with an error."""


class CommandLine:
    """``az``, signed in as somebody who may do everything."""

    def __init__(self, azure: SimulatedAzure) -> None:
        self.azure = azure

    def run(self, remedy: str) -> None:
        for line in remedy.splitlines():
            self._run(line)

    def _run(self, line: str) -> None:
        if line.startswith("az rest"):
            self._put_policy(line)
            return
        verbs, options = _read(line)
        group = (
            f"/subscriptions/{options['subscription']}/resourceGroups/{options['resource-group']}"
        )
        COMMANDS[verbs](self, group, options)

    def get(self, path: str) -> Body:
        return self.send("GET", path)

    def put(self, path: str, body: Body) -> None:
        self.send("PUT", path, body)

    def send(self, method: str, path: str, body: Body | None = None) -> Body:
        """Waits until Azure has finished, where that takes time."""
        url = path if path.startswith("http") else f"{self.azure.url}{path}?{API}"
        request = urllib.request.Request(
            url,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": "Bearer static:owner", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                text, operation = answer.read(), answer.headers["Azure-AsyncOperation"]
        except urllib.error.HTTPError as error:
            raise Refused(f"{method} {path}: {error.read().decode()}") from error
        while operation and self.send("GET", operation)["status"] == "InProgress":
            time.sleep(0.02)
        return json.loads(text) if text else {}

    def _put_policy(self, line: str) -> None:
        """The query keeps the other machines of the policy and puts this one in its place."""
        url = re.search(r"--method put .*?--url '?([^' ]*)", line)
        assert url
        path = url[1].split("?")[0]
        (mine,) = [found for found in re.findall(r"`([^`]*)`", line) if found.startswith('{"id"')]
        entry = json.loads(mine)
        listed = self.get(path.rsplit("/", 1)[0])["value"]
        known = [each for each in listed if each["name"] == path.rsplit("/", 1)[1]]
        others = [
            machine
            for each in known
            for machine in each["properties"]["virtualMachines"]
            if machine["id"] != entry["id"]
        ]
        self.put(path, {"kind": "Basic", "properties": {"virtualMachines": [*others, entry]}})


def _read(line: str) -> tuple[str, Options]:
    """(the verbs, the options: one word or a list)."""
    program, *words = shlex.split(line)
    assert program == "az"
    first = next(i for i, word in enumerate(words) if word.startswith("--"))
    options: dict[str, list[str]] = {}
    for word in words[first:]:
        if word.startswith("--"):
            options[word.removeprefix("--")] = []
        else:
            options[list(options)[-1]].append(word)
    flat = {key: value[0] if len(value) == 1 else value for key, value in options.items()}
    return " ".join(words[:first]), flat


def _network(group: str, kind: str, name: str) -> str:
    return f"{group}/providers/Microsoft.Network/{kind}/{name}"


def _many(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _start(az: CommandLine, group: str, options: Options) -> None:
    az.send("POST", f"{group}/providers/Microsoft.Compute/virtualMachines/{options['name']}/start")


def _create_nsg(az: CommandLine, group: str, options: Options) -> None:
    path = _network(group, "networkSecurityGroups", options["name"])
    az.put(path, {"location": options["location"], "properties": {"securityRules": []}})


def _rule(group: str, options: Options) -> str:
    nsg = _network(group, "networkSecurityGroups", options["nsg-name"])
    return f"{nsg}/securityRules/{options['name']}"


def _create_rule(az: CommandLine, group: str, options: Options) -> None:
    properties: Body = {
        "priority": int(options["priority"]),
        "direction": options["direction"],
        "access": options["access"],
        "protocol": options["protocol"],
    }
    for word, name in RULE_WORDS.items():
        values = _many(options[word])
        plural = f"{name}es" if name.endswith("x") else f"{name}s"
        properties |= {name: values[0]} if len(values) == 1 else {plural: values}
    az.put(_rule(group, options), {"properties": properties})


def _update_rule(az: CommandLine, group: str, options: Options) -> None:
    rule = az.get(_rule(group, options))
    rule["properties"]["priority"] = int(options["priority"])
    az.put(_rule(group, options), rule)


def _delete_rule(az: CommandLine, group: str, options: Options) -> None:
    az.send("DELETE", _rule(group, options))


def _update_interface(az: CommandLine, group: str, options: Options) -> None:
    path = _network(group, "networkInterfaces", options["name"])
    interface = az.get(path)
    if "network-security-group" in options:
        interface["properties"]["networkSecurityGroup"] = {"id": options["network-security-group"]}
    if "remove" in options:
        assert options["remove"] == "ipConfigurations[0].publicIPAddress"
        del interface["properties"]["ipConfigurations"][0]["properties"]["publicIPAddress"]
    az.put(path, interface)


def _peering(group: str, options: Options) -> str:
    network = _network(group, "virtualNetworks", options["vnet-name"])
    return f"{network}/virtualNetworkPeerings/{options['name']}"


def _create_peering(az: CommandLine, group: str, options: Options) -> None:
    properties = {
        "remoteVirtualNetwork": {"id": options["remote-vnet"]},
        "allowVirtualNetworkAccess": options["allow-vnet-access"] == "true",
        "allowForwardedTraffic": options["allow-forwarded-traffic"] == "true",
    }
    az.put(_peering(group, options), {"properties": properties})


def _update_peering(az: CommandLine, group: str, options: Options) -> None:
    """Without an option it is put as it is, which is what telling it of changed ranges does."""
    peering = az.get(_peering(group, options))
    for word, name in PEERING_WORDS.items():
        if word in options:
            peering["properties"][name] = options[word] == "true"
    az.put(_peering(group, options), peering)


def _update_network(az: CommandLine, group: str, options: Options) -> None:
    path = _network(group, "virtualNetworks", options["name"])
    network = az.get(path)
    ranges = _many(options["address-prefixes"])
    network["properties"]["addressSpace"]["addressPrefixes"] = ranges
    az.put(path, network)


def _update_subnet(az: CommandLine, group: str, options: Options) -> None:
    network = _network(group, "virtualNetworks", options["vnet-name"])
    path = f"{network}/subnets/{options['name']}"
    subnet = az.get(path)
    if "address-prefixes" in options:
        subnet["properties"]["addressPrefix"] = options["address-prefixes"]
    if "network-security-group" in options:
        subnet["properties"]["networkSecurityGroup"] = {"id": options["network-security-group"]}
    az.put(path, subnet)


def _update_host(az: CommandLine, group: str, options: Options) -> None:
    path = _network(group, "bastionHosts", options["name"])
    host = deepcopy(az.get(path))
    if "set" in options:
        host["sku"] = {"name": options["set"].removeprefix("sku.name=")}
    for word, name in SWITCHES.items():
        if word in options:
            host["properties"][name] = options[word] == "true"
    az.put(path, host)


def _delete_host(az: CommandLine, group: str, options: Options) -> None:
    az.send("DELETE", _network(group, "bastionHosts", options["name"]))


def _create_host(az: CommandLine, group: str, options: Options) -> None:
    network = _network(group, "virtualNetworks", options["vnet-name"])
    configuration = {
        "subnet": {"id": f"{network}/subnets/AzureBastionSubnet"},
        "publicIPAddress": {"id": options["public-ip-address"]},
    }
    properties: Body = {
        "ipConfigurations": [{"name": "bastion_ip_config", "properties": configuration}],
        "scaleUnits": int(options.get("scale-units", 2)),
    }
    properties |= {SWITCHES[word]: True for word in SWITCHES if options.get(word) == "true"}
    body = {"location": options["location"], "sku": {"name": options["sku"]}}
    zones = {"zones": _many(options["zones"])} if "zones" in options else {}
    path = _network(group, "bastionHosts", options["name"])
    az.put(path, {**body, **zones, "properties": properties})


RULE_WORDS = {
    "source-address-prefixes": "sourceAddressPrefix",
    "source-port-ranges": "sourcePortRange",
    "destination-address-prefixes": "destinationAddressPrefix",
    "destination-port-ranges": "destinationPortRange",
}
PEERING_WORDS = {
    "allow-vnet-access": "allowVirtualNetworkAccess",
    "allow-forwarded-traffic": "allowForwardedTraffic",
}
SWITCHES = {
    "enable-tunneling": "enableTunneling",
    "enable-shareable-link": "enableShareableLink",
    "enable-ip-connect": "enableIpConnect",
    "enable-file-copy": "enableFileCopy",
    "enable-kerberos": "enableKerberos",
    "enable-session-recording": "enableSessionRecording",
}
COMMANDS: dict[str, Callable[[CommandLine, str, Options], None]] = {
    "vm start": _start,
    "network nsg create": _create_nsg,
    "network nsg rule create": _create_rule,
    "network nsg rule update": _update_rule,
    "network nsg rule delete": _delete_rule,
    "network nic update": _update_interface,
    "network vnet update": _update_network,
    "network vnet subnet update": _update_subnet,
    "network vnet peering create": _create_peering,
    "network vnet peering update": _update_peering,
    "network vnet peering sync": _update_peering,
    "network bastion update": _update_host,
    "network bastion create": _create_host,
    "network bastion delete": _delete_host,
}
