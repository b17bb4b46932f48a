"""The second closer at work in this process: simulated Azure, and a folder as outside memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

from access.anchoring import manifest
from access.clock import db_now
from access.models import Gate, Grant
from portal.closer.rounds import Closer
from tests.access.contract import Story
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast

KEY = "of-the-tests-and-nothing-else-0123456789-abcdef"


@pytest.fixture
def anchor(tmp_path: Path, settings: Any) -> Path:
    settings.ACCESS_ANCHOR = str(tmp_path / "anchor")
    settings.ACCESS_ANCHOR_KEYS = [KEY]
    (tmp_path / "anchor").mkdir()
    return tmp_path / "anchor"


@pytest.fixture
def story(live_estate: SimulatedAzure, cast: Cast, anchor: Path) -> Story:
    """With each link goes a window: both kinds, and two gates."""
    return Story(live_estate, cast, "link", "link.created", "link.create", "link.delete")


@pytest.fixture
def windows(story: Story) -> Story:
    """Of which several people have one."""
    return Story(story.azure, story.cast, "window", "jit.opened", "jit.initiate", "rule.delete")


@pytest.fixture
def closer() -> Closer:
    return Closer(threads=1)


@contextmanager
def database_away() -> Iterator[None]:
    """Every query fails, whoever asks it: nothing may be read or written until it is back."""

    def fails(*_: Any) -> None:
        raise OperationalError("the server closed the connection unexpectedly")

    with connection.execute_wrapper(fails):
        yield


def file_of(anchor: Path, gate: Gate) -> Path:
    return anchor / f"{manifest.name_of(gate.resource_key, gate.kind)}.json"


def ended(grant: Grant, minutes: float) -> None:
    """Its time was over so long ago, and no engine has looked; the manifest says so, too."""
    now = db_now()
    for each in Grant.objects.filter(access_request=grant.access_request):
        each.starts_at = now - timedelta(minutes=minutes + 30)
        each.ends_at = now - timedelta(minutes=minutes)
        each.save(update_fields=["starts_at", "ends_at"])
    for gate in Gate.objects.filter(grants__access_request=grant.access_request).distinct():
        manifest.after_look(gate)
    grant.refresh_from_db()
