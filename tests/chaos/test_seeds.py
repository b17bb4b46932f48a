"""Seeded runs: people, workers that die, Azure that fails, and time; judged by Azure's record.

The short form plays a few seeds and those in which something was wrong once (``seeds.txt``).
``python -m tests.chaos`` plays as many as wanted and prints a table.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.chaos.driver import played
from tests.support.azure import SimulatedAzure

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]
KNOWN = [
    int(line.split()[0])
    for line in (Path(__file__).parent / "seeds.txt").read_text().splitlines()
    if line and not line.startswith("#")
]
DRAWN = [int.from_bytes(os.urandom(3), "big")]  # another one each time


@pytest.mark.parametrize("seed", [*KNOWN, *DRAWN])
def test_no_door_outlives_its_grant_whatever_goes_wrong(
    seed: int, azure: SimulatedAzure, transactional_db: None
) -> None:
    run, verdict = played(azure, seed)
    again = f"python -m tests.chaos --seed {seed}"
    wrong = verdict.violations
    assert wrong == [], "\n".join([*wrong, *run.told, *run.seen(azure), *wrong, again])
