"""Lists as CSV: what may be seen, harmless to spreadsheets, and in the ledger."""

from __future__ import annotations

import csv
import hashlib
from io import StringIO
from typing import Any

import pytest

from access.models import AccessRequest, LedgerEntry
from access.services import exports
from access.tables import harmless
from tests.access.api.calling import in_session, nobody, token_of
from tests.support.cast import Cast, approved, ask
from tests.support.estate import machine


def body(answer: Any) -> bytes:
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def status(answer: Any) -> int:
    if answer.streaming:
        b"".join(answer.streaming_content)  # to its end, or the file stays open
    return int(answer.status_code)


def rows(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(body(answer).decode())))


def test_a_file_is_what_may_be_seen_and_is_written_down(cast: Cast) -> None:
    """X-72: the line says by which filter, how much, and has the file's digest."""
    ask(machine("vm-app-01"), by=cast.alice)
    ask(machine("vm-app-02"), by=cast.alan)
    answer = in_session(cast.alice).get("exports/requests.csv", state="pending")
    data = body(answer)
    assert len(data.decode().splitlines()) == 2
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="requests.csv"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    line = LedgerEntry.objects.get(event="export.made")
    assert line.data == {
        "table": "requests",
        "filter": {"state": "pending"},
        "rows": 1,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    assert line.actor_id == cast.alice.identity
    assert len(rows(in_session(cast.bob).get("exports/requests.csv"))) == 2


def test_grants_and_the_ledger(cast: Cast) -> None:
    grant = approved(machine(), by=cast.alice, approver=cast.bob)
    (row,) = rows(in_session(cast.alice).get("exports/grants.csv"))
    assert (row["id"], row["approved_by"]) == (str(grant.pk), "Bob")
    assert rows(in_session(cast.charlie).get("exports/grants.csv")) == []
    for who in (cast.alice, cast.bob):
        assert status(in_session(who).get("exports/ledger.csv")) == 404
    found = rows(in_session(cast.erin).get("exports/ledger.csv", event="request.approved"))
    assert [line["actor_name"] for line in found] == ["Bob"]
    assert status(nobody().get("exports/ledger.csv")) == 401
    reading, _ = token_of(cast.erin, "read")
    assert status(reading.get("exports/ledger.csv")) == 200
    assert status(token_of(cast.erin, "request")[0].get("exports/ledger.csv")) == 403


@pytest.mark.parametrize(
    "text",
    ['=HYPERLINK("http://evil")', "@SUM(A1)", "+1", "-1+2", "\tx", "\rx", "\nx", "\0x",
     "＝1", "＋1", "－1", "＠x"],  # noqa: RUF001
)  # fmt: skip
def test_no_cell_is_a_formula(text: str) -> None:
    """X-61"""
    assert harmless(text) == f"'{text}"


def test_a_reason_is_no_formula_either(cast: Cast) -> None:
    """X-61, through the API."""
    asked = ask(machine(), by=cast.alice, reason='=HYPERLINK("http://evil";"x")')
    (row,) = rows(in_session(cast.alice).get("exports/requests.csv"))
    assert row["reason"] == "'" + asked.reason


def test_too_much_is_refused_and_not_cut(cast: Cast, monkeypatch: Any) -> None:
    monkeypatch.setattr(exports, "MOST_ROWS", 1)
    ask(machine("vm-app-01"), by=cast.alice)
    assert status(in_session(cast.alice).get("exports/requests.csv")) == 200
    ask(machine("vm-app-02"), by=cast.alice)
    answer = in_session(cast.alice).get("exports/requests.csv")
    assert status(answer) == 400
    assert "Narrow the filter" in answer.json()["detail"]
    assert AccessRequest.objects.count() == 2


def test_a_long_file_is_not_held_in_memory(cast: Cast, monkeypatch: Any) -> None:
    monkeypatch.setattr(exports, "IN_MEMORY", 100)
    ask(machine(), by=cast.alice)
    data = body(in_session(cast.alice).get("exports/requests.csv"))
    line = LedgerEntry.objects.get(event="export.made")
    assert line.data["sha256"] == hashlib.sha256(data).hexdigest()


def test_no_other_site_makes_a_browser_ask_for_one(cast: Cast) -> None:
    alice = in_session(cast.alice)
    alice.headers["Sec-Fetch-Site"] = "cross-site"
    assert status(alice.get("exports/requests.csv")) == 403
    assert not LedgerEntry.objects.filter(event="export.made").exists()


def test_exports_have_a_limit_of_their_own(cast: Cast, settings: Any) -> None:
    rates = {**settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "exports": "1/hour"}
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates}
    first = in_session(cast.alice).get("exports/grants.csv")
    assert status(first) == 200
    assert first["RateLimit-Remaining"] == "0"
    second = token_of(cast.alice)[0].get("exports/grants.csv")
    assert status(second) == 429
    assert int(second["Retry-After"]) > 0
    assert status(in_session(cast.bob).get("exports/grants.csv")) == 200
