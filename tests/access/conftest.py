"""People beside the cast, for whoever asks for them."""

from __future__ import annotations

import pytest

from access.models import Person, Role
from tests.support.cast import Cast, person


@pytest.fixture
def carol(cast: Cast) -> Person:
    return person("Carol", Role.APPROVER)


@pytest.fixture
def sven(cast: Cast) -> Person:
    return person("Sven", Role.APPROVER)
