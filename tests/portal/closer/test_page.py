"""The page on which a database that went back in time is reconciled."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from access.clock import db_now
from access.models import Gate, LedgerEntry, Restoration
from tests.support import estate
from tests.support.cast import Cast


@pytest.fixture
def row(cast: Cast) -> Restoration:
    estate.machine("vm-app-01")
    found = db_now() - timedelta(minutes=5)
    Gate.objects.update(audited_at=None)
    return Restoration.objects.create(
        found_at=found, kept_seq=120, kept_hash="0" * 64, kept_at=found, head_seq=103,
        agreed_seq=100, orphans=[{
            "gate": 1, "kind": "link", "machine": "<b>vm</b>", "resource_key": "/x", "port": 22,
            "ends_at": found.isoformat(), "references": ["BA-000077"],
        }],
    )  # fmt: skip


def test_it_says_what_is_lost_and_waits_until_all_was_asked(
    row: Restoration, cast: Cast, browser: Any
) -> None:
    page = browser(cast.dana).get(f"/restorations/{row.pk}/").content.decode()
    assert "lines 101 to 120" in page
    assert "BA-000077" in page
    assert "&lt;b&gt;vm&lt;/b&gt;" in page
    assert "asked yet" in page
    assert "<form" not in page.partition("<main")[2].partition("</main")[0]
    answer = browser(cast.dana).post(f"/restorations/{row.pk}/", {"note": "Drill"})
    assert answer.status_code == 409


def test_an_administrator_says_once_that_it_is_reconciled(
    row: Restoration, cast: Cast, browser: Any
) -> None:
    Gate.objects.update(audited_at=db_now())
    for note, status in (("", 400), ("Drill", 302), ("Drill", 302)):
        answer = browser(cast.dana).post(f"/restorations/{row.pk}/", {"note": note})
        assert answer.status_code == status
    row.refresh_from_db()
    assert (row.waits, row.reconciled_by) == (False, cast.dana)
    assert LedgerEntry.objects.filter(event="ledger.reconciled").count() == 1
    page = browser(cast.erin).get(f"/restorations/{row.pk}/").content.decode()
    assert "by Dana: Drill" in page


def test_nobody_else_does(row: Restoration, cast: Cast, browser: Any) -> None:
    Gate.objects.update(audited_at=db_now())
    for who, status in ((cast.alice, 404), (cast.bob, 403), (cast.erin, 403)):
        answer = browser(who).post(f"/restorations/{row.pk}/", {"note": "It was me"})
        assert answer.status_code == status
    row.refresh_from_db()
    assert row.waits
