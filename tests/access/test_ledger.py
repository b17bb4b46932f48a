"""The ledger: nothing is changed without a line, and no line is ever changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access import ledger, ledger_guard
from access.models import LedgerEntry, LedgerHead

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(
                st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


def write(count: int) -> None:
    for number in range(count):
        with transaction.atomic():
            ledger.record("test.line", by="tester", data={"number": number})


@pytest.mark.django_db(transaction=True)
def test_a_line_outside_the_transaction_of_its_change_is_refused() -> None:
    with pytest.raises(ledger.NoTransaction):
        ledger.record("test.line", by="tester")


@pytest.mark.django_db
def test_lines_follow_each_other_without_gaps() -> None:
    write(5)
    assert [entry.seq for entry in LedgerEntry.objects.order_by("seq")] == [1, 2, 3, 4, 5]
    assert ledger.verify() == (5, None)


@pytest.mark.django_db
@given(
    data=st.dictionaries(
        st.text(min_size=1, max_size=8).filter(lambda s: "\x00" not in s and s.isprintable()),
        JSON,
        max_size=4,
    )
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_the_data_the_hash_survives_the_database(data: dict[str, object]) -> None:
    with transaction.atomic():
        seq = ledger.record("test.line", by="tester", data=data).seq
    kept = LedgerEntry.objects.get(seq=seq)
    assert ledger.digest(kept) == kept.hash


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE access_ledgerentry SET event = 'forged' WHERE seq = 2",
        "DELETE FROM access_ledgerentry WHERE seq = 2",
        "DELETE FROM access_ledgerentry",
    ],
)
def test_the_database_refuses_to_change_or_delete_a_line(statement: str) -> None:
    write(3)
    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute(statement)
    assert ledger.verify() == (3, None)


@pytest.mark.django_db(transaction=True)
def test_the_database_refuses_to_overwrite_or_empty_the_ledger() -> None:
    write(2)
    statement = {
        "sqlite": "INSERT OR REPLACE INTO access_ledgerentry SELECT seq, at, 'forged', outcome, "
        "actor_kind, actor_id, actor_name, reference, subject, data, prev_hash, hash "
        "FROM access_ledgerentry WHERE seq = 1",
        "postgresql": "TRUNCATE access_ledgerentry",
    }[connection.vendor]
    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("statement", "line", "problem"),
    [
        ("UPDATE access_ledgerentry SET event = 'forged' WHERE seq = 2", 2, "changed"),
        ("UPDATE access_ledgerentry SET actor_name = 'x' WHERE seq = 3", 3, "changed"),
        ("DELETE FROM access_ledgerentry WHERE seq = 2", 2, "missing"),
        ("DELETE FROM access_ledgerentry WHERE seq = 3", 3, "missing"),
    ],
)
def test_an_owner_who_switches_the_triggers_off_is_found_out(
    statement: str, line: int, problem: str
) -> None:
    write(3)
    ledger_guard.remove(connection)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        ledger_guard.install(connection)
    _, broken = ledger.verify()
    assert broken is not None
    assert (broken.seq, problem in broken.problem) == (line, True)
    with pytest.raises(CommandError, match=f"line {line}"):
        call_command("verify_ledger")


@pytest.mark.django_db(transaction=True)
def test_a_ledger_emptied_to_the_last_line_is_found_out() -> None:
    write(2)
    ledger_guard.remove(connection)
    LedgerEntry.objects.all().delete()
    ledger_guard.install(connection)
    assert ledger.verify()[1] is not None


@pytest.mark.django_db(transaction=True)
def test_when_the_line_cannot_be_written_the_change_is_undone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Harm: an approval that nobody can prove."""
    from access import services
    from tests.support.cast import Cast, ask
    from tests.support.estate import machine

    cast = Cast.create()
    asked = ask(machine(), by=cast.alice)
    LedgerHead.objects.all().delete()  # the ledger is gone
    with pytest.raises(LedgerHead.DoesNotExist):
        services.approve(asked, by=cast.bob, terms_digest=asked.terms_digest)
    asked.refresh_from_db()
    assert asked.state == "pending"
    assert not asked.grants.exists()


@pytest.mark.django_db(transaction=True)
def test_lines_written_while_it_is_verified_are_no_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    write(3)
    lines = ledger._lines

    def meanwhile() -> Iterator[LedgerEntry]:
        yield from lines()
        write(1)

    monkeypatch.setattr(ledger, "_lines", meanwhile)
    assert ledger.verify() == (3, None)


@pytest.mark.django_db(transaction=True)
def test_a_head_that_is_missing_is_a_break() -> None:
    write(1)
    LedgerHead.objects.all().delete()
    _, broken = ledger.verify()
    assert broken is not None
    assert "head is missing" in broken.problem
    LedgerHead.objects.create(pk=1, seq=1, hash=LedgerEntry.objects.get().hash)
