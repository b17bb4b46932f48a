"""Which process is told what of the directory. The compose file is read and held to its word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from portal.celery import app
from tests.portal.test_settings import booted
from tests.support.graph import CLIENT, TENANT

ROOT = Path(__file__).resolve().parents[3]
OURS = ("migrate", "web", "worker", "sweeper", "notifier", "beat")
CREDENTIALS = {
    "ENTRA_CLIENT_SECRET",
    "ENTRA_CLIENT_SECRET_FILE",
    "ENTRA_CERTIFICATE_FILE",
    "ENTRA_FEDERATED_TOKEN_FILE",
}


@pytest.fixture
def services() -> dict[str, dict[str, Any]]:
    read = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return {name: read[name]["environment"] for name in OURS}


def test_only_the_web_process_can_show_entra_that_it_is_the_portal(
    services: dict[str, dict[str, Any]],
) -> None:
    told = {name: CREDENTIALS & set(given) for name, given in services.items()}
    assert told == {name: CREDENTIALS if name == "web" else set() for name in OURS}


def test_only_the_worker_can_read_the_directory(services: dict[str, dict[str, Any]]) -> None:
    """X-75"""
    assert [name for name in OURS if "AZURE_DIRECTORY_CLIENT_ID" in services[name]] == ["worker"]
    assert services["worker"]["AZURE_DIRECTORY_CLIENT_ID"] is None  # passed on only where it is set


def test_all_know_whose_people_they_are(services: dict[str, dict[str, Any]]) -> None:
    shared = {"ENTRA_TENANT_ID", "ENTRA_CLIENT_ID", "ENTRA_GUESTS_APPROVE", "ENTRA_GROUP_ROLES"}
    assert [name for name in OURS if not shared <= set(services[name])] == []


def test_every_setting_of_the_compose_file_is_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text()
    lines = {line.partition("=")[0] for line in example.splitlines()}
    for name in ("ENTRA_TENANT_ID", "ENTRA_STEP_UP_CONTEXT", "AZURE_DIRECTORY_CLIENT_ID"):
        assert name in lines


def test_the_directory_is_read_every_five_minutes() -> None:
    from portal.settings import base

    beat = base.CELERY_BEAT_SCHEDULE["directory"]
    assert (beat["task"], beat["schedule"]) == ("portal.sync_directory", 300.0)
    assert "portal.directory.sync" in base.CELERY_IMPORTS
    app.loader.import_default_modules()
    assert "portal.sync_directory" in app.tasks


def test_production_asks_nobody_for_people_without_tls() -> None:
    ids = {"ENTRA_TENANT_ID": TENANT, "ENTRA_CLIENT_ID": CLIENT}
    refused = booted(**ids, ENTRA_GRAPH="http://graph.example.test")
    assert refused.returncode != 0
    assert "ENTRA_GRAPH must be https" in refused.stderr
    assert booted(**ids).returncode == 0
