"""Small buckets, so that stories are short."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.azure.budget.calling import Small
from tests.support.azure import SimulatedAzure


@pytest.fixture
def small(azure: SimulatedAzure, settings: Any, transactional_db: None) -> Callable[..., Small]:
    """Buckets of that size on both sides, and 0.3 of each kept for closing."""

    def made(at_once: float, each_second: float, *, share: float = 0.3) -> Small:
        for calls in ("READS", "WRITES", "DELETES"):
            setattr(settings, f"AZURE_BUDGET_{calls}", (at_once, each_second))
        settings.AZURE_BUDGET_FOR_CLOSES = share
        limits = {calls: [at_once, each_second] for calls in ("reads", "writes", "deletes")}
        azure.control("POST", "budget", limits)
        return Small(azure)

    return made
