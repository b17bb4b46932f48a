"""What every test may use. Azure is always the simulator, in a process of its own, over HTTP."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.test import TransactionTestCase

from tests.support.azure import SimulatedAzure
from tests.support.browsers import Browser
from tests.support.cast import Cast

CI = os.environ.get("CI") == "true"


def pytest_report_header() -> list[str]:
    database = (os.environ.get("TEST_DATABASE_URL") and "PostgreSQL") or "SQLite"
    return [f"portal: {database}; chromium: {chromium() or 'none'}; CI: {CI}"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a machine lacks is skipped with its reason; in CI nothing is skipped."""
    for item in items:
        for marker, missing in MISSING.items():
            reason = missing()
            if item.get_closest_marker(marker) and reason:
                if CI:
                    item.add_marker(pytest.mark.usefixtures("_fails_in_ci"))
                else:
                    item.add_marker(pytest.mark.skip(reason=reason))


def chromium() -> str:
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or ""


def _no_postgres() -> str:
    if os.environ.get("TEST_DATABASE_URL"):
        return ""
    return "needs PostgreSQL: set TEST_DATABASE_URL=postgres://…"


def _no_redis() -> str:
    if os.environ.get("TEST_REDIS_URL") or shutil.which("redis-server"):
        return ""
    return "needs Redis: install redis-server or set TEST_REDIS_URL"


def _no_browser() -> str:
    return "" if chromium() else "needs Debian's chromium (apt-get install chromium)"


MISSING: dict[str, Callable[[], str]] = {
    "postgres": _no_postgres,
    "redis": _no_redis,
    "browser": _no_browser,
}


@pytest.fixture
def _fails_in_ci() -> None:
    pytest.fail("CI must have what this test needs")


def _let_the_ledger_be_emptied() -> None:
    """Between transactional tests all tables are emptied, which the ledger's triggers forbid."""
    original = TransactionTestCase._fixture_teardown

    def teardown(self: TransactionTestCase) -> None:
        from django.db import connection

        from access import ledger_guard
        from access.ledger import GENESIS
        from access.models import LedgerHead

        ledger_guard.remove(connection)
        try:
            original(self)
        finally:
            ledger_guard.install(connection)
            LedgerHead.objects.get_or_create(pk=1, defaults={"hash": GENESIS})

    TransactionTestCase._fixture_teardown = teardown  # type: ignore[method-assign]


_let_the_ledger_be_emptied()


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    """Calls and tries are counted by the numbers of people, which tests use again; and what is
    left of calls to Azure, by names that they use again, too. So is what was asked for; and the
    queues in memory, which nobody serves here, fill up."""
    from django.core.cache import cache
    from kombu.transport.memory import Channel

    from access import tasks
    from portal import watch
    from portal.budget.stores import memory

    cache.clear()
    memory.forget()
    tasks.woken.forget()
    watch.woken.forget()
    Channel.queues.clear()


@pytest.fixture(scope="session")
def _simulator() -> Iterator[SimulatedAzure]:
    with SimulatedAzure.started() as simulator:
        yield simulator


@pytest.fixture
def azure(_simulator: SimulatedAzure, settings: object) -> SimulatedAzure:
    """A fresh small estate, and the portal pointed at it: bastion-hub and four machines."""
    _simulator.reset()
    _simulator.point(settings)
    return _simulator


@pytest.fixture
def estate(azure: SimulatedAzure, db: None) -> SimulatedAzure:
    """The small estate, read into the database through the real SDKs."""
    from portal.sync import sync_estate

    sync_estate()
    return azure


@pytest.fixture
def live_estate(azure: SimulatedAzure, transactional_db: None) -> SimulatedAzure:
    """Like ``estate``, with real commits: for the engine, whose steps are transactions."""
    from portal.sync import sync_estate
    from tests.support.cast import be_seen

    sync_estate()
    be_seen()
    return azure


@pytest.fixture
def cast(db: None) -> Cast:
    """alice asks, bob approves, charlie must not see; dana administers, erin audits."""
    return Cast.create()


@pytest.fixture
def browser() -> Browser:
    """A signed-in browser for a person; it checks CSRF like a real one does."""
    from tests.support.browsers import signed_in

    return signed_in


@pytest.fixture
def var(tmp_path: Path) -> Path:
    return tmp_path / "var"
