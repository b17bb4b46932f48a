"""One simulator for the session, emptied to the small estate before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.azure.simulator.service import Service, running


@pytest.fixture(scope="session")
def simulator() -> Iterator[Service]:
    with running("--estate", "small") as service:
        yield service


@pytest.fixture
def cloud(simulator: Service) -> Service:
    """The small estate, where everything happens at once."""
    simulator.reset()
    return simulator
