"""Azure is called as several: each call by the one that may do least, and none by the web."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from access.clock import db_now
from access.errors import Never
from access.kinds import Door, Session
from access.models import BastionHost, Machine
from portal.azure import door as azure_door
from portal.azure.roles import Identity, definition
from tests.support.azure import SUBSCRIPTION, SimulatedAzure

ROOT = Path(__file__).resolve().parents[2]
READER, OPENER, CLOSER, KEEPER, SECOND = Identity
CREATE_LINKS = "Microsoft.Network/bastionHosts/createShareableLinks/action"
DELETE_RULE = "Microsoft.Network/networkSecurityGroups/securityRules/delete"


@pytest.fixture
def door(estate: SimulatedAzure) -> Door:
    vm = Machine.objects.get(name="vm-app-01")
    return Door(vm, 22, until=db_now() + timedelta(minutes=30), on_behalf="BA-000001 Alice")


def policy_of(door: Door) -> str:
    return str(door.machine.jit_ports.get().gate.resource_id)


def everything(door: Door) -> None:
    """Each write that workers make, and the reads beside them."""
    from jit import defender
    from links import bastion
    from portal.azure import sessions

    host = BastionHost.objects.get().resource_id
    defender.initiate(policy_of(door), [door])
    assert defender.observe(policy_of(door), [door])[door.key].open
    defender.remove_rules([door])
    bastion.create(host, [door])
    assert bastion.observe(host, [door])[door.key].open
    bastion.delete(host, [door])
    assert sessions.live_sessions(host)[0] == []
    nobody = Session(session_id="none", bastion_id=host, user_name="", protocol="ssh", since="")
    sessions.disconnect([nobody])


def test_each_call_is_made_by_the_one_that_may_do_least(azure: SimulatedAzure, door: Door) -> None:
    """The simulator knows each with exactly the roles of docs/roles."""
    everything(door)
    told = {row["operation"]: row["principal"] for row in azure.record() if "status" in row}
    assert told == {
        "jit.initiate": "portal-opener",
        "link.create": "portal-opener",
        "rule.delete": "portal-closer",
        "link.delete": "portal-closer",
        "session.disconnect": "portal-closer",
    }


def test_one_identity_may_serve_as_all(azure: SimulatedAzure, door: Door, settings: Any) -> None:
    for one in Identity:
        setattr(settings, f"AZURE_{one.name}_CLIENT_ID", "only-one")
    azure_door.forget_clients()
    roles = [definition(one) for one in Identity]
    azure.control("POST", "roles", {"only-one": roles})
    everything(door)
    assert {row["principal"] for row in azure.record() if "status" in row} == {"only-one"}


def test_the_closer_cannot_create_a_link(azure: SimulatedAzure, door: Door, settings: Any) -> None:
    """X-76: whoever steals what closes can open nothing with it."""
    from links import bastion

    settings.AZURE_OPENER_CLIENT_ID = "portal-closer"
    azure_door.forget_clients()
    with pytest.raises(Never, match=CREATE_LINKS):
        bastion.create(BastionHost.objects.get().resource_id, [door])
    (row,) = azure.record("link.create")
    assert (row["principal"], row["status"]) == ("portal-closer", 403)
    assert azure.state()["links"] == []


def test_the_opener_cannot_delete_a_rule(azure: SimulatedAzure, door: Door, settings: Any) -> None:
    """X-76: whoever steals what opens cannot hide what was opened."""
    from jit import defender

    defender.initiate(policy_of(door), [door])
    settings.AZURE_CLOSER_CLIENT_ID = "portal-opener"
    azure.control("POST", "roles", {
        "portal-opener": [definition(OPENER), {"actions": ["Microsoft.Network/networkSecurityGroups/read"]}]
    })  # fmt: skip
    azure_door.forget_clients()
    with pytest.raises(Never, match=DELETE_RULE):
        defender.remove_rules([door])
    assert len(azure.state()["open_windows"]) == 1


def test_the_environments_secret_is_that_of_one_identity_only(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise all would be whoever AZURE_CLIENT_SECRET belongs to."""
    monkeypatch.setenv("AZURE_TENANT_ID", "tenant")
    monkeypatch.setenv("AZURE_CLIENT_ID", "main")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "secret")
    settings.AZURE_CLIENT_ID = settings.AZURE_READER_CLIENT_ID = "main"
    settings.AZURE_OPENER_CLIENT_ID = "other"
    azure_door.forget_clients()
    chains = {
        one: [type(each).__name__ for each in azure_door.credential(one).credentials]
        for one in (READER, OPENER)
    }
    azure_door.forget_clients()
    assert "EnvironmentCredential" in chains[READER]
    assert "EnvironmentCredential" not in chains[OPENER]
    assert "ManagedIdentityCredential" in chains[OPENER]


def test_a_client_belongs_to_its_identity(azure: SimulatedAzure) -> None:
    made = [azure_door.network(SUBSCRIPTION, one) for one in Identity]
    assert len({id(each) for each in made}) == len(made)
    assert azure_door.network(SUBSCRIPTION, KEEPER) is made[list(Identity).index(KEEPER)]


PAGES = """
import django; django.setup()
from django.core.management import call_command; call_command("migrate", verbosity=0)
from django.test import Client
from tests.portal.test_every_address import NAMES, address
from tests.support.cast import Cast, approve, ask, be_seen
from tests.support.estate import machine
cast = Cast.create(); vm = machine(); be_seen()
for kind in ("window", "link"):
    approve(ask(vm, by=cast.alice, kind=kind), by=cast.bob)
seen = set()
for who in (cast.alice, cast.dana):
    client = Client(SERVER_NAME="localhost"); client.force_login(who)
    seen |= {client.get(address(name)).status_code for name in NAMES}
import portal.wsgi, sys
print(200 in seen, sorted(n for n in sys.modules if n.split(".")[0] in {"azure", "msal"}))
"""


def test_no_page_loads_anything_of_azures(tmp_path: Path) -> None:
    env = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "portal.settings.embedded",
        "BASTION_ACCESS_VAR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", PAGES],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "True []"
