"""Each kind at work, against simulated Azure, with real commits."""

from __future__ import annotations

import pytest

from tests.access.contract import Story
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast


@pytest.fixture
def link(live_estate: SimulatedAzure, cast: Cast) -> Story:
    return Story(live_estate, cast, "link", "link.created", "link.create", "link.delete")


@pytest.fixture
def window(live_estate: SimulatedAzure, cast: Cast) -> Story:
    return Story(live_estate, cast, "window", "jit.opened", "jit.initiate", "rule.delete")
