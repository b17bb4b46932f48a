"""X-51: who gets what, at every address, by every method. See ``tests.portal.matrix``."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator

import pytest

from tests.portal.matrix import addresses, table
from tests.portal.matrix.programs import programs_come
from tests.portal.matrix.rules import RULES, Rule
from tests.portal.matrix.walk import Cells, quiet, undone, walk
from tests.portal.matrix.world import Visitor, World, visitors

pytestmark = [pytest.mark.django_db, pytest.mark.long]
HOW = "python -m tests.portal.matrix --write writes the table anew; read the difference first."


@pytest.fixture(scope="module")
def measured(django_db_setup: None, django_db_blocker) -> Iterator[tuple[Cells, list[Visitor]]]:
    """Once for all of the tests here. Nothing of it stays in the database."""
    with django_db_blocker.unblock(), undone(), quiet(), programs_come():
        world = World.made()
        came = visitors(world)
        yield walk(world, came, addresses.addresses()), came


def test_every_address_can_be_asked():
    assert not addresses.missing(), "\n".join(addresses.missing())


@pytest.mark.timeout(900)
def test_everybody_gets_what_the_table_says(measured: tuple[Cells, list[Visitor]]):
    found = table.written(*measured)
    known = table.FILE.read_text() if table.FILE.exists() else ""
    changes = "\n".join(
        difflib.unified_diff(known.splitlines(), found.splitlines(), "was", "is", lineterm="", n=2)
    )
    if os.environ.get("MATRIX_WRITE"):
        table.FILE.write_text(found)
        print(changes or "Nothing changed.")
        return
    new = sorted(table.routes_in(found) - table.routes_in(known))
    assert not new, f"No row yet for {', '.join(new)}. {HOW}"
    assert found == known, f"{changes}\n{HOW}"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("rule", RULES, ids=[rule.__name__ for rule in RULES])
def test_whatever_the_table_says(rule: Rule, measured: tuple[Cells, list[Visitor]]):
    broken = rule(addresses.addresses(), measured[0])
    assert not broken, "\n".join(broken)
