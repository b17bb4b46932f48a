"""Reading an estate of 50,000 machines: time, calls, peak memory; and searching it afterwards.

A process of its own serves Resource Graph pages that it makes up as they are asked for, so that
what is measured is the portal: paging, comparing, writing. Baselines: the same pages read by the
bare SDK and thrown away, for the reading; a search by primary key, for the searches.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import quantiles
from typing import Any

from bench.places import folder

MACHINES, GROUPS, PAGE = 50_000, 500, 1000
SUB = "11111111-1111-1111-1111-111111111111"
WORDS = ("vm-0", "payments", "vm-00123", "group-77", "production api", "nothing-like-it")


def main() -> None:
    _prepare()
    from portal.azure.reading import graph

    with_server = _serve()
    began = time.perf_counter()
    rows = sum(len(page) for kind in _kinds(graph) for page in graph.pages(kind, [SUB]))
    bare = time.perf_counter() - began
    before = _peak()
    first, calls = _sync(), _asked()
    print(f"bare SDK, {rows} rows            {bare:>7.1f} s")
    print(f"first reading, all new           {first:>7.1f} s   {first / bare:>5.1f} x")
    again = _sync()
    print(f"second reading, nothing changed  {again:>7.1f} s   {again / bare:>5.1f} x")
    print(f"calls to Azure for one reading   {calls:>7}")
    print(f"peak memory, before and after    {before:>5.0f} MB and {_peak():.0f} MB")
    _search()
    with_server.terminate()


def _kinds(graph: Any) -> tuple[str, ...]:
    return (graph.NETWORKS, graph.NSGS, graph.PUBLIC_IPS, graph.INTERFACES,
            graph.BASTION_HOSTS, graph.VIRTUAL_MACHINES)  # fmt: skip


def _sync() -> float:
    from portal.sync import sync_estate

    began = time.perf_counter()
    run = sync_estate()
    assert run.complete, run.problem
    return time.perf_counter() - began


def _search() -> None:
    from access.filters import machines_like
    from access.models import Machine

    rows = Machine.objects.filter(gone_at__isnull=True)
    some = rows.order_by("name", "id")[25_000].pk
    base = _p95(lambda: Machine.objects.get(pk=some))
    print(f"by primary key, p95              {base:>7.1f} ms")
    for words in WORDS:
        took = _p95(
            lambda words=words: list(machines_like(rows, words).order_by("name", "id")[:26])
        )
        print(f"search {words!r:<25} {took:>7.1f} ms   {took / base:>5.0f} x")


def _p95(act: Callable[[], Any]) -> float:
    times = []
    for _ in range(20):
        began = time.perf_counter()
        act()
        times.append((time.perf_counter() - began) * 1000)
    return quantiles(times, n=20)[18]


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _asked() -> int:
    import urllib.request

    with urllib.request.urlopen(f"{os.environ['BENCH_AZURE']}/asked") as answer:
        return int(answer.read())


def _prepare() -> None:
    var = folder()
    os.environ["BASTION_ACCESS_VAR"] = str(var)
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings.embedded"
    os.environ["IDENTITY_HEADER"] = "bench"
    import django
    from django.conf import settings
    from django.core.management import call_command

    from tests.support.azure import free_port

    os.environ["AZURE_SIM_PORT"] = str(free_port())
    django.setup()
    os.environ["BENCH_AZURE"] = settings.AZURE_ENDPOINT
    os.environ["IDENTITY_ENDPOINT"] = f"{settings.AZURE_ENDPOINT}/msi/token"
    call_command("migrate", verbosity=0)


def _serve() -> multiprocessing.Process:
    port = int(os.environ["AZURE_SIM_PORT"])
    process = multiprocessing.get_context("spawn").Process(target=_server, args=(port,))
    process.start()
    import socket

    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.05)
    raise RuntimeError("the pages are not served")


def _server(port: int) -> None:
    ThreadingHTTPServer(("127.0.0.1", port), Pages).serve_forever()


class Pages(BaseHTTPRequestHandler):
    """Just enough of ARM: a token, one subscription, Resource Graph, JIT policies."""

    protocol_version = "HTTP/1.1"
    asked = 0

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        if self.path == "/asked":
            count, Pages.asked = Pages.asked, 0
            return self._answer(count)
        if self.path.startswith("/msi/"):
            return self._answer({"access_token": "x", "expires_on": str(int(time.time()) + 86400),
                                 "token_type": "Bearer", "resource": ""})  # fmt: skip
        Pages.asked += 1
        if self.path.startswith("/subscriptions?"):
            return self._answer({"value": [{"subscriptionId": SUB, "displayName": "Bench"}]})
        return self._answer({"value": [_policy(group) for group in range(GROUPS)]})

    def do_POST(self) -> None:
        Pages.asked += 1
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        make, total = _of(sent["query"])
        options = sent["options"]
        start = int(options.get("$skipToken") or 0)
        end = min(start + options["$top"], total)
        body = {"totalRecords": total, "count": end - start, "resultTruncated": "false",
                "facets": [], "data": [make(number) for number in range(start, end)]}  # fmt: skip
        if end < total:
            body["$skipToken"] = str(end)
        self._answer(body)

    def _answer(self, body: Any) -> None:
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def _of(query: str) -> tuple[Callable[[int], dict[str, Any]], int]:
    if "virtualmachines" in query:
        return _machine, MACHINES
    if "networkinterfaces" in query:
        return _interface, MACHINES
    if "virtualnetworks" in query:
        return _network, GROUPS
    if "securitygroups" in query:
        return _nsg, GROUPS
    if "bastionhosts" in query:
        return _host, 1
    return _host, 0


def _row(group: int, kind: str, name: str, properties: dict[str, Any]) -> dict[str, Any]:
    where = f"/subscriptions/{SUB}/resourceGroups/group-{group}/providers"
    return {"id": f"{where}/{kind}/{name}", "name": name, "type": kind.lower(),
            "location": "westeurope", "resourceGroup": f"group-{group}", "subscriptionId": SUB,
            "tags": {"environment": "production" if group % 3 else "test", "owner": "payments"},
            "sku": {"name": "Standard"}, "zones": None, "properties": properties}  # fmt: skip


def _group_of(number: int) -> int:
    return number * GROUPS // MACHINES


def _machine(number: int) -> dict[str, Any]:
    nic = _interface(number)["id"]
    profile = {"networkInterfaces": [{"id": nic, "properties": {"primary": True}}]}
    return _row(_group_of(number), "Microsoft.Compute/virtualMachines", f"vm-{number:05d}-api", {
        "vmId": f"vm-{number}", "networkProfile": profile,
        "storageProfile": {"osDisk": {"osType": "Linux"}},
        "extended": {"instanceView": {"powerState": {"code": "PowerState/running"}}},
    })  # fmt: skip


def _interface(number: int) -> dict[str, Any]:
    group = _group_of(number)
    network = _network(group)["id"]
    first = {"privateIPAddress": f"10.{group // 250}.{group % 250}.{number % 100 + 4}",
             "primary": True, "subnet": {"id": f"{network}/subnets/default"}}  # fmt: skip
    return _row(group, "Microsoft.Network/networkInterfaces", f"nic-{number:05d}", {
        "ipConfigurations": [{"properties": first}],
        "networkSecurityGroup": {"id": _nsg(group)["id"]},
    })  # fmt: skip


def _network(group: int) -> dict[str, Any]:
    kind, name = "Microsoft.Network/virtualNetworks", f"vnet-{group}"
    row = _row(group, kind, name, {})
    names = ["default", "AzureBastionSubnet"] if group == 0 else ["default"]
    row["properties"] = {
        "addressSpace": {"addressPrefixes": ["10.0.0.0/8"]},
        "subnets": [{"id": f"{row['id']}/subnets/{each}", "name": each,
                     "properties": {"addressPrefix": "10.255.0.0/26"}} for each in names],
        "virtualNetworkPeerings": [],
    }  # fmt: skip
    return row


def _nsg(group: int) -> dict[str, Any]:
    return _row(group, "Microsoft.Network/networkSecurityGroups", f"nsg-{group}", {
        "securityRules": [], "defaultSecurityRules": []})  # fmt: skip


def _host(_number: int) -> dict[str, Any]:
    subnet = f"{_network(0)['id']}/subnets/AzureBastionSubnet"
    return _row(0, "Microsoft.Network/bastionHosts", "bastion", {
        "scaleUnits": 2, "enableTunneling": True,
        "ipConfigurations": [{"properties": {"subnet": {"id": subnet}}}]})  # fmt: skip


def _policy(group: int) -> dict[str, Any]:
    where = f"/subscriptions/{SUB}/resourceGroups/group-{group}/providers/Microsoft.Security"
    each = MACHINES // GROUPS
    port = {"number": 22, "protocol": "TCP", "allowedSourceAddressPrefix": "10.255.0.0/26",
            "maxRequestAccessDuration": "PT3H"}  # fmt: skip
    machines = [{"id": _machine(number)["id"], "ports": [port]}
                for number in range(group * each, (group + 1) * each)]  # fmt: skip
    return {"id": f"{where}/locations/westeurope/jitNetworkAccessPolicies/default",
            "name": "default", "location": "westeurope", "kind": "Basic",
            "properties": {"virtualMachines": machines, "requests": []}}  # fmt: skip


if __name__ == "__main__":
    main()
