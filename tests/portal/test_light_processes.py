"""What a process carries: Azure's SDKs weigh 40 MB, and are loaded by whoever makes a client of
them, when it is made. Sweeper, notifier and beat never do."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import yaml

from tests.processes.parts import COMMANDS
from tests.support.product import ROOT

OF_CELERY = ("worker", "sweeper", "notifier", "beat")
# As Celery's workers and beat load the app: with all tasks, whichever queue they serve.
LOADED = """
import sys
from portal.celery import app
app.loader.init_worker()
app.finalize()
SDKS = ("azure.identity", "azure.mgmt.network", "azure.mgmt.resourcegraph", "azure.mgmt.security",
        "azure.storage", "msal")
"""
SENT = """
from django.conf import settings
told = {each["task"] for each in settings.CELERY_BEAT_SCHEDULE.values()}
told |= {*settings.CELERY_TASK_ROUTES, "access.look", "access.audit", "jit.carry_out",
         "portal.read_sessions", "portal.sync_estate"}
print(len(told) > 10, sorted(told - set(app.tasks)))
"""
CALLING = """
from portal.azure import door
from portal.azure.roles import Identity
door.network("7f4b1a52-0c6d-4c34-9d1e-5a2f6f1f0a01", Identity.READER)
"""
BEGUN = """
from celery.signals import celeryd_after_setup
from access.unaided import standing_by
standing_by.start = lambda: None
app.amqp.queues.select({!r})
celeryd_after_setup.send(sender="", instance=type("Worker", (), {{"app": app}}), conf=app.conf)
"""
SHOWN = "print([name for name in SDKS if name in sys.modules])"


def told(code: str) -> list[str]:
    env = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "portal.settings.testing",
        "CELERY_SKIP_CHECKS": "true",  # as --skip-checks sets it
    }
    done = subprocess.run(
        [sys.executable, "-c", LOADED + code],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_all_tasks_are_known_and_none_has_loaded_an_sdk() -> None:
    assert told(SENT + SHOWN) == ["True []", "[]"]


def test_whoever_calls_azure_loads_what_it_takes() -> None:
    """Else the other test could not fail."""
    assert told(CALLING + SHOWN) == ["['azure.identity', 'azure.mgmt.network', 'msal']"]


@pytest.mark.parametrize(
    ("queue", "loaded"),
    [
        ("celery", "['azure.identity', 'azure.mgmt.network', 'azure.mgmt.security', 'msal']"),
        ("sweep", "[]"),
        ("notices", "[]"),
    ],
)
def test_who_looks_at_gates_has_them_before_the_first_look(queue: str, loaded: str) -> None:
    """Else the first look keeps its gate for most of a second, and who asks is turned away."""
    assert told(BEGUN.format(queue) + SHOWN) == [loaded]


def test_no_pages_are_loaded_where_none_are_served() -> None:
    """Django's checks would load them all, and Celery throws away what the checks find: that is
    said by ``migrate``, which runs before."""
    assert told("print('portal.urls' in sys.modules)") == ["False"]


@pytest.mark.parametrize("name", OF_CELERY)
def test_they_are_started_like_that(name: str) -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for command in (services[name]["command"], COMMANDS[name]):
        before_the_part = command[: command.index("beat" if name == "beat" else "worker")]
        assert "--skip-checks" in before_the_part
