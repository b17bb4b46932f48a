"""From approval to "open", beside the bare SDK doing the same against the same simulated Azure.

The simulated Azure takes no time of its own here, so what is seen is ours: the wake-up, the
looks, the transactions. Baseline: the SDK alone, which initiates and reads back.
"""

from __future__ import annotations

import json
import os
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from bench.places import folder
from tests.support.product import Browser, Portal, eventually, portal

ROUNDS = 15
PACE = ("initiate", "link_create", "link_delete", "rule_delete", "sessions")


def main() -> None:
    var = folder() / "var"
    began = time.perf_counter()
    with portal(var) as made:
        made.wait_until_ready()
        print(f"ready after                {time.perf_counter() - began:>7.1f} s")
        _control(made, "pace", dict.fromkeys(PACE, 0))
        base = median(_bare(made) for _ in range(ROUNDS))
        ours = [_through_portal(made) for _ in range(ROUNDS)]
        opened, ended = median(o for o, _ in ours), median(e for _, e in ours)
        print(f"bare SDK, initiate + read  {base * 1000:>7.0f} ms   (medians of {ROUNDS})")
        print(f"approval to open           {opened * 1000:>7.0f} ms   {opened / base:>5.1f} x")
        print(f"end order to closed        {ended * 1000:>7.0f} ms   {ended / base:>5.1f} x")
        _say_cost(made)


def _say_cost(made: Portal) -> None:
    for process in made.family():
        role = "simulated Azure" if "simulat" in " ".join(process.cmdline()) else "portal"
        print(f"memory of {role:<16} {process.memory_info().rss / 2**20:>7.0f} MB")
    before = _cpu(made)
    time.sleep(10)
    print(f"idle, of one core          {(_cpu(made) - before) * 10:>7.1f} %")


def _bare(made: Portal) -> float:
    """Seconds for one window by the SDK's own two calls."""
    client, where, machine = _sdk(made)
    port = {
        "number": 22,
        "allowedSourceAddressPrefix": _source(client.get(*where), machine),
        "endTimeUtc": datetime.now(UTC) + timedelta(minutes=30),
    }
    body = {"virtualMachines": [{"id": machine, "ports": [port]}]}
    began = time.perf_counter()
    client.initiate(*where, body)
    client.get(*where)
    return time.perf_counter() - began


def _source(policy: Any, machine: str) -> str:
    """The only one that the policy admits."""
    mine = [each for each in policy.virtual_machines if each.id.lower() == machine.lower()]
    rule = next(port for port in mine[0].ports if port.number == 22)
    return str(rule.allowed_source_address_prefix)


def _sdk(made: Portal) -> tuple[Any, tuple[str, str, str], str]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.embedded")
    os.environ["AZURE_SIM_PORT"] = str(made.azure_port)
    os.environ["IDENTITY_ENDPOINT"] = f"http://127.0.0.1:{made.azure_port}/msi/token"
    os.environ["IDENTITY_HEADER"] = "bench"
    import django

    django.setup()
    from portal.azure import door
    from portal.azure.roles import Identity

    vm = Browser(made, "Demo engineer").json("machines/?name=vm-lab-02")["results"][0]
    client = door.security(vm["subscription_id"], Identity.OPENER).jit_network_access_policies
    return client, ("rg-lab-neu", "northeurope", "default"), vm["resource_id"]


def _through_portal(made: Portal) -> tuple[float, float]:
    """(seconds from approving to open, seconds from ending to closed), over HTTP."""
    engineer, approver = Browser(made, "Demo engineer"), Browser(made, "Demo approver")
    vm = engineer.json("machines/?name=vm-lab-01")["results"][0]
    asked = engineer.api(
        "requests/", machine_id=vm["id"], kind="window", port=22, minutes=30, reason="bench"
    )
    began = time.perf_counter()
    approver.api(f"requests/{asked['reference']}/approve/", terms_digest=asked["terms_digest"])
    grant = engineer.json("grants/?page_size=1")["results"][0]["id"]

    def is_now(state: str) -> bool:
        return bool(engineer.json(f"grants/{grant}/")["state"] == state)

    eventually(lambda: is_now("open"))
    opened, began = time.perf_counter() - began, time.perf_counter()
    engineer.api(f"grants/{grant}/end/")
    eventually(lambda: is_now("closed"))
    return opened, time.perf_counter() - began


def _control(made: Portal, what: str, body: Any) -> None:
    where = f"http://127.0.0.1:{made.azure_port}/_control/{what}"
    urllib.request.urlopen(urllib.request.Request(where, json.dumps(body).encode())).close()


def _cpu(made: Portal) -> float:
    return sum(p.cpu_times().user + p.cpu_times().system for p in made.family())
