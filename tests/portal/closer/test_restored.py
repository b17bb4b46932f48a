"""A database that went back in time is found out, and nothing opens until people say so."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from access import engine, ledger, ledger_guard, services
from access.anchoring import restorations
from access.anchoring.documents import opened
from access.clock import db_now
from access.errors import Invalid, NotAllowed, WrongState
from access.models import Gate, Grant, Heartbeat, LedgerEntry, LedgerHead, Notice, Restoration
from access.states import GrantState
from tests.access.contract import Story, wake_up
from tests.support.cast import run_engine


def newest(anchor: Path) -> dict[str, Any]:
    return opened("checkpoint", (anchor / "checkpoint.json").read_text())


def go_back(to: int) -> None:
    """The ledger as it was then: what a restore makes of it. The last test does it with pg_dump."""
    ledger_guard.remove(connection)
    LedgerEntry.objects.filter(seq__gt=to).delete()
    ledger_guard.install(connection)
    LedgerHead.objects.update(seq=to, hash=LedgerEntry.objects.get(seq=to).hash)


def audited() -> None:
    Gate.objects.update(audited_at=db_now() + timedelta(seconds=1))


def test_the_checkpoint_goes_forward_with_the_ledger(story: Story, anchor: Path) -> None:
    story.granted()
    restorations.look()
    first = newest(anchor)["newest"]
    assert first[0] == LedgerHead.objects.get().seq
    restorations.look()
    assert newest(anchor)["newest"] == first  # nothing new, nothing written
    run_engine()
    restorations.look()
    assert newest(anchor)["newest"][0] > first[0]
    assert newest(anchor)["trail"] == [first]
    assert Heartbeat.objects.filter(name="checkpoint").exists()
    out = StringIO()
    call_command("verify_ledger", stdout=out)
    assert "checkpoint" in out.getvalue()


@pytest.mark.parametrize("went_on", [False, True], ids=["and stood still", "and went on"])
def test_a_database_that_went_back_is_found_and_opens_nothing(
    windows: Story, anchor: Path, went_on: bool
) -> None:
    """Approvals that were taken back would count again; what is open would be nobody's."""
    grant = windows.granted()
    restorations.look()
    before = newest(anchor)["newest"][0]
    run_engine(rounds=2)
    services.end(grant, by=windows.cast.alice)
    run_engine()
    restorations.look()
    kept = newest(anchor)["newest"][0]
    go_back(before)
    waiting = windows.granted(minutes=20)
    if went_on:
        while LedgerHead.objects.get().seq < kept + 3:
            windows.granted(minutes=21)
    opens = windows.sent(windows.open_call)
    run_engine()  # before anybody found out
    assert windows.sent(windows.open_call) == opens
    restorations.look(by="second closer")
    restorations.look()
    row = Restoration.objects.get()
    assert (row.kept_seq, row.agreed_seq) == (kept, before)
    line = LedgerEntry.objects.get(event="ledger.went_back")
    assert (line.data["lost_from"], line.data["lost_to"]) == (before + 1, kept)
    assert Notice.objects.filter(event="ledger.went_back", person=windows.cast.dana).count() == 1
    with pytest.raises(CommandError, match="differs at line"):
        call_command("verify_ledger", stdout=StringIO())
    assert newest(anchor)["newest"][0] == kept  # never sealed anew by itself
    wake_up()
    run_engine()
    waiting.refresh_from_db()
    assert windows.sent(windows.open_call) == opens
    assert "went back" in waiting.outstanding + waiting.problem + waiting.gate.problem


def test_people_reconcile_it_after_every_gate_was_asked(windows: Story, anchor: Path) -> None:
    grant = windows.granted()
    restorations.look()
    before = newest(anchor)["newest"][0]
    windows.granted(minutes=20)
    restorations.look()
    go_back(before)
    restorations.look()
    row = Restoration.objects.get()
    reconcile = services.restorations.reconcile
    Gate.objects.update(audited_at=None)
    with pytest.raises(NotAllowed):
        reconcile(row, "It was me.", by=windows.cast.alice)
    with pytest.raises(WrongState, match="asked"):
        reconcile(row, "Restored on purpose.", by=windows.cast.dana)
    audited()
    with pytest.raises(Invalid):
        reconcile(row, " ", by=windows.cast.dana)
    reconcile(row, "Restored on purpose.", by=windows.cast.dana)
    reconcile(row, "Restored on purpose.", by=windows.cast.dana)  # safe to repeat
    line = LedgerEntry.objects.get(event="ledger.reconciled")
    assert line.data["note"] == "Restored on purpose."
    restorations.look()
    assert newest(anchor)["newest"][0] == LedgerHead.objects.get().seq
    assert not Restoration.objects.filter(waits=True).exists()
    call_command("verify_ledger", stdout=StringIO())
    wake_up()
    run_engine()
    grant.refresh_from_db()
    assert grant.state == GrantState.OPEN
    assert ledger.verify()[1] is None


def test_a_ledger_written_anew_is_found(story: Story, anchor: Path) -> None:
    """Whoever owns the database can make a chain that holds; the line outside is another one."""
    story.granted()
    restorations.look()
    head = LedgerHead.objects.get().seq
    go_back(head - 1)
    with engine_transaction():
        ledger.record("request.approved", by="somebody else")
    assert ledger.verify()[1] is None
    restorations.look()
    assert Restoration.objects.get().kept_seq == head


@pytest.mark.parametrize("how", ["gone", "changed"])
def test_a_checkpoint_that_is_gone_or_changed_is_told_of(
    story: Story, anchor: Path, how: str
) -> None:
    story.granted()
    restorations.look()
    file = anchor / "checkpoint.json"
    if how == "gone":
        file.unlink()
    else:
        file.write_text(file.read_text().replace('"v":1', '"v":2'))
    restorations.look()
    restorations.look()
    assert LedgerEntry.objects.filter(event="anchor.refused").count() == 1
    assert newest(anchor)["newest"][0] > 0


def test_what_only_the_manifests_know_is_named_and_closed(
    story: Story, anchor: Path, closer: Any
) -> None:
    """A link that was opened after the backup: the database has no grant that would end it."""
    story.granted(minutes=20)
    restorations.look()
    before = newest(anchor)["newest"][0]
    Grant.objects.all().delete()
    lost = story.open(minutes=40)
    restorations.look()
    name, port = lost.machine.name, lost.port
    forget(lost)
    go_back(before)
    restorations.look()
    row = Restoration.objects.get()
    assert [(o["machine"], o["port"]) for o in row.orphans if o["kind"] == "link"] == [(name, port)]
    assert story.doors_in_azure() == 1
    closer.round()
    assert story.doors_in_azure() == 0
    for gate in Gate.objects.all():
        Gate.objects.filter(pk=gate.pk).update(audited_at=None)
        engine.audit(gate.pk)
    services.restorations.reconcile(row, "Drill.", by=story.cast.dana)
    restorations.look()
    assert restorations.orphans() == []


def forget(grant: Grant) -> None:
    """As if it had never been asked for."""
    from django.apps import apps

    asked = grant.access_request
    tables = {model._meta.db_table for model in apps.get_models()}
    assert tables
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
        else:
            cursor.execute("PRAGMA foreign_keys=OFF")
        cursor.execute("DELETE FROM access_grant WHERE access_request_id = %s", [asked.pk])
        cursor.execute("DELETE FROM access_accessrequest WHERE id = %s", [asked.pk])
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = origin")
        else:
            cursor.execute("PRAGMA foreign_keys=ON")


def engine_transaction() -> Any:
    from django.db import transaction

    return transaction.atomic()
