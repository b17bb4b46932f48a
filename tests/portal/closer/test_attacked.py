"""What a single bad row, a slow place or a place in bad hands must not do to the second closer."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from access import services
from access.anchoring import manifest, restorations
from access.anchoring.store import NotKept
from access.clock import db_now
from access.models import Gate, Grant, Restoration
from access.states import GrantState
from portal.anchor import folder
from portal.anchor.folder import Folder
from portal.closer import spool
from portal.closer.remembered import Memory
from portal.closer.rounds import Closer
from tests.access.contract import Story, connect
from tests.portal.closer.conftest import ended, file_of
from tests.portal.closer.test_restored import audited, go_back, newest
from tests.support.cast import approved, run_engine

BAD_PLACE = {"no": "place", "nsg_ids": []}


def test_a_grant_that_cannot_be_made_out_keeps_nothing_else_open(
    story: Story, closer: Closer
) -> None:
    """One poisoned row, and every link of the house would stay open while the engine is away."""
    grant = story.open()
    ended(grant, 4)
    other = Grant.objects.filter(access_request=grant.access_request).exclude(pk=grant.pk)
    assert other.update(place=BAD_PLACE) == 1
    closer.round()
    assert story.doors_in_azure() == 0


def test_nor_does_it_keep_others_shut_or_the_manifest_as_it_was(story: Story, anchor: Path) -> None:
    """What is opened is written down with everything else that is open at the gate."""
    grant = story.open()
    Grant.objects.filter(pk=grant.pk).update(place=BAD_PLACE)
    gate = Gate.objects.get(pk=grant.gate_id)
    manifest.before_opening(gate, [])
    Grant.objects.filter(pk=grant.pk).update(ends_at=grant.ends_at + timedelta(minutes=9))
    manifest.after_look(gate)
    assert (grant.ends_at + timedelta(minutes=9)).isoformat() in file_of(anchor, gate).read_text()


def test_a_door_on_which_the_kind_breaks_down_keeps_no_other_of_its_gate_open(
    windows: Story, closer: Closer
) -> None:
    """An id that is none, as the engine has it, too (R-32)."""
    grant = windows.open()
    ended(grant, 4)
    mine = Grant.objects.get(pk=grant.pk)
    machine = mine.machine
    machine.pk, machine.resource_id, machine.resource_key = None, "no id", "no id"
    machine.save()
    mine.access_request.doors.all()
    mine.pk, mine.machine = None, machine
    mine.place = {**grant.place, "nsg_ids": ["no id"]}
    mine.save()
    closer.round()
    assert windows.doors_in_azure() == 0


def test_what_two_gates_did_at_once_is_all_kept_and_once(
    anchor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-26: what was sent to Azure and nobody wrote down would look like somebody else's doing."""
    write = Folder.write

    def slow(self: Folder, name: str, text: str, *, over: str | None) -> None:
        time.sleep(0.05)
        write(self, name, text, over=over)

    monkeypatch.setattr(Folder, "write", slow)
    told = [
        threading.Thread(target=spool.trouble, args=(f"It is number {n}.", "", ""))
        for n in range(4)
    ]
    for each in told:
        each.start()
    for each in told:
        each.join(20)
    texts = [file.read_text() for file in (anchor / "told").glob("*.json")]
    assert sorted(n for text in texts for n in range(4) if f"number {n}." in text) == [0, 1, 2, 3]


def test_a_writer_that_was_stopped_with_the_lock_holds_up_nobody_for_long(
    anchor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker frozen at the wrong moment must not freeze the one that stands in for it."""
    monkeypatch.setattr(folder, "PATIENCE", 0.2, raising=False)
    with (anchor / ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _refused_soon(lambda: Folder(anchor).write("one", "text", over=None))
    Folder(anchor).write("one", "text", over=None)


def test_a_pipe_in_the_place_of_a_text_hangs_nobody(anchor: Path) -> None:
    """Whoever can write there would stop every worker and the second closer by one of those."""
    os.mkfifo(anchor / "checkpoint.json")
    _refused_soon(lambda: Folder(anchor).read("checkpoint"))


def _refused_soon(act: Any) -> None:
    found: list[bool] = []

    def run() -> None:
        try:
            act()
        except NotKept:
            found.append(True)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(3)
    assert found == [True]


def test_a_text_that_is_far_too_long_is_written_over(
    story: Story, anchor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one big file bars every opening for good."""
    monkeypatch.setattr(folder, "BIGGEST", 100_000)
    grant = story.granted()
    file_of(anchor, grant.gate).parent.mkdir()
    file_of(anchor, grant.gate).write_bytes(b"x" * 100_001)
    run_engine()
    grant.refresh_from_db()
    assert grant.state == GrantState.OPEN


def test_a_slow_place_does_not_keep_the_closer_from_closing(
    anchor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of documents, seconds for each: meanwhile nothing would be shut."""
    (anchor / "manifests").mkdir()
    for n in range(40):
        (anchor / f"manifests/{n:02}.json").write_text("x")
    asked: list[str] = []

    def slow(self: Folder, name: str) -> None:
        asked.append(name)
        time.sleep(0.05)

    monkeypatch.setattr(Folder, "read", slow)
    monkeypatch.setattr("portal.closer.remembered.READ_SECONDS", 0.6, raising=False)
    memory = Memory()
    memory.read()
    assert len(asked) < 20
    for _ in range(6):
        memory.read()
    assert len(set(asked)) == 40  # each has its turn


def test_what_was_only_scheduled_at_the_backup_and_opened_since_is_named_and_closed(
    story: Story, anchor: Path, closer: Closer
) -> None:
    """The database knows the grant and believes that it was never opened; the link is there."""
    grant = story.granted()
    Grant.objects.update(
        starts_at=db_now() + timedelta(hours=1), ends_at=db_now() + timedelta(hours=2)
    )
    restorations.look()
    before = newest(anchor)["newest"][0]
    rows = list(Grant.objects.values())
    Grant.objects.update(starts_at=db_now())
    run_engine()
    run_engine()
    restorations.look()
    assert story.doors_in_azure() == 1
    for row in rows:
        Grant.objects.filter(pk=row["id"]).update(**row)
    go_back(before)
    restorations.look()
    for gate in Gate.objects.all():
        manifest.after_look(gate)
    restorations.look()
    references = [o["references"] for o in Restoration.objects.get().orphans]
    assert [grant.access_request.reference] in references
    closer.round()
    assert story.doors_in_azure() == 0


def test_a_gate_that_the_restored_database_never_heard_of_is_asked_and_its_doors_closed(
    story: Story, anchor: Path, closer: Closer
) -> None:
    """A host that is younger than the backup: what is open through it would be on no list."""
    grant = story.open()
    before = newest_after_look(anchor)
    approved(story.machine, by=story.cast.alan, approver=story.cast.bob, minutes=10)
    restorations.look()
    key = grant.gate.resource_key
    Grant.objects.all().delete()
    Gate.objects.filter(resource_key=key).delete()
    go_back(before)
    restorations.look()
    row = Restoration.objects.get()
    assert key in {gate.resource_key for gate in services.restorations.unasked(row)}
    closer.round()
    assert story.doors_in_azure() == 0


def newest_after_look(anchor: Path) -> int:
    restorations.look()
    return int(newest(anchor)["newest"][0])


def test_a_gate_that_was_never_asked_keeps_what_its_manifest_names(
    story: Story, anchor: Path
) -> None:
    """ "No audit found it" is no word about a gate that no audit reached."""
    grant = story.open()
    before = newest_after_look(anchor)
    approved(story.machine, by=story.cast.alan, approver=story.cast.bob, minutes=10)
    restorations.look()
    gate = grant.gate
    Grant.objects.all().delete()
    go_back(before)
    restorations.look()
    audited()
    Gate.objects.filter(pk=gate.pk).update(audited_at=None)
    row = Restoration.objects.get()
    services.restorations.reconcile(row, "Drill.", by=story.cast.dana, even_unasked=True)
    restorations.look()
    assert gate.pk in {each.pk for each, _ in restorations.orphans()}


def test_one_host_that_does_not_list_hides_nobody_at_another(story: Story, closer: Closer) -> None:
    grant = story.open()
    connect(story.azure, grant)
    ended(grant, 4)
    from access.errors import Later
    from access.kinds import Door, Place
    from portal.closer.work import Due, Work

    asked: list[str] = []

    class Halting:
        observes = 10

        def observe(self, gate: Gate, doors: Any) -> Any:
            from access.kinds import Seen

            return {door.key: Seen(open=False) for door in doors}

        def sessions(self, gate: Gate, doors: Any) -> Any:
            asked.append(doors[0].place.bastion_id)
            if doors[0].place.bastion_id == "one":
                raise Later("It does not answer.")
            return {door.key: () for door in doors}

    due = [
        Due(Door(grant.machine, port, (Place(bastion_id=host),)), (), ())
        for port, host in ((22, "one"), (3389, "two"))
    ]
    work = Work(grant.gate, Halting(), due, list, lambda _: None)  # type: ignore[arg-type]
    with pytest.raises(Later):
        work.carry_out()
    assert asked == ["one", "two"]


def test_an_audit_that_was_begun_and_never_came_back_is_no_answer(
    story: Story, anchor: Path
) -> None:
    """A worker died while it asked; by that alone people could say that all was compared."""
    from access.engine.claim import claim_for_audit

    grant = story.open()
    before = newest_after_look(anchor)
    approved(story.machine, by=story.cast.alan, approver=story.cast.bob, minutes=10)
    restorations.look()
    go_back(before)
    restorations.look()
    Gate.objects.update(audited_at=None, lease_token=None, lease_until=None)
    assert claim_for_audit(grant.gate_id) is not None
    left = services.restorations.unasked(Restoration.objects.get())
    assert grant.gate_id in {gate.pk for gate in left}
