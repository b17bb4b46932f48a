"""What is not written down outside is not opened; what was tampered with is refused and told of."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from access.anchoring import manifest
from access.anchoring.documents import Forged, opened, sealed
from access.anchoring.store import Changed, NotKept
from access.clock import db_now
from access.models import Gate, Grant, LedgerEntry, Manifest, Notice
from access.states import GrantState
from portal.anchor.folder import Folder
from portal.closer.rounds import Closer
from tests.access.contract import Story, settle_now, wake_up
from tests.portal.closer.conftest import database_away, ended, file_of
from tests.support.cast import run_engine


def told(anchor: Path, gate: Gate) -> dict[str, Any]:
    name = manifest.name_of(gate.resource_key, gate.kind)
    return opened(name, file_of(anchor, gate).read_text())


def test_it_stands_there_before_azure_is_asked(story: Story, anchor: Path) -> None:
    """A worker that dies right after its call must leave word of what it opened."""
    story.azure.fault(operation=story.open_call, action="status", status=503, when="before")
    grant = story.granted()
    run_engine()
    assert story.doors_in_azure() == 0
    (row,) = told(anchor, grant.gate)["doors"]
    assert (row["grants"], row["port"]) == ([grant.pk], grant.port)
    assert row["machine"]["resource_id"] == grant.machine.resource_id
    assert row["ends_at"] == grant.ends_at.isoformat()


def test_what_cannot_be_written_down_is_not_opened(story: Story, anchor: Path) -> None:
    shutil.rmtree(anchor)
    grant = story.granted()
    run_engine()
    grant.refresh_from_db()
    assert grant.state == GrantState.OPENING
    assert story.sent(story.open_call) == 0
    anchor.mkdir()
    settle_now()
    wake_up()
    run_engine()
    grant.refresh_from_db()
    assert grant.state == GrantState.OPEN


def test_what_was_closed_is_left_out_and_more_time_is_said(story: Story, anchor: Path) -> None:
    grant = story.open()
    Grant.objects.filter(pk=grant.pk).update(ends_at=grant.ends_at + timedelta(minutes=20))
    wake_up()
    run_engine()
    (row,) = told(anchor, grant.gate)["doors"]
    assert row["ends_at"] == (grant.ends_at + timedelta(minutes=20)).isoformat()
    ended(grant, 1)
    run_engine()
    assert told(anchor, grant.gate)["doors"] == []


def forged(anchor: Path, gate: Gate, before: str) -> None:
    file = file_of(anchor, gate)
    file.write_text(file.read_text().replace('"ends_at":"20', '"ends_at":"21'))


def cut(anchor: Path, gate: Gate, before: str) -> None:
    file = file_of(anchor, gate)
    file.write_text(file.read_text()[:-20])


def replayed(anchor: Path, gate: Gate, before: str) -> None:
    file_of(anchor, gate).write_text(before)


def foreign(anchor: Path, gate: Gate, before: str) -> None:
    """Of another gate, and good where it belongs."""
    name = "manifests/of-another-gate"
    file_of(anchor, gate).write_text(sealed(name, told(anchor, gate) | {"doors": []}))


def gone(anchor: Path, gate: Gate, before: str) -> None:
    file_of(anchor, gate).unlink()


TAMPERED = pytest.mark.parametrize("tamper", [forged, cut, replayed, foreign, gone])


@TAMPERED
def test_one_that_is_not_good_is_told_of_and_the_last_good_one_counts(
    story: Story, anchor: Path, closer: Closer, tamper: Any
) -> None:
    """Whoever can write there could lengthen what is open, or have it forgotten."""
    grant = story.open()
    gate = grant.gate
    before = file_of(anchor, gate).read_text()
    ended(grant, 4)
    with database_away():
        closer.memory.read()
        tamper(anchor, gate, before)
        closer.round()
    assert story.doors_in_azure() == 0
    run_engine()
    closer.round()
    line = LedgerEntry.objects.get(event="anchor.refused")
    assert (line.outcome, line.subject) == ("failed", grant.gate.resource_key)


@TAMPERED
def test_it_is_found_while_all_is_well_and_written_anew(
    story: Story, anchor: Path, closer: Closer, tamper: Any
) -> None:
    grant = story.open()
    before = file_of(anchor, grant.gate).read_text()
    Grant.objects.filter(pk=grant.pk).update(ends_at=grant.ends_at + timedelta(minutes=1))
    wake_up()
    run_engine()
    tamper(anchor, grant.gate, before)
    closer.round()
    assert LedgerEntry.objects.filter(event="anchor.refused").count() == 1
    assert Notice.objects.filter(event="anchor.refused", person=story.cast.dana).exists()
    wake_up()
    run_engine()
    row = Manifest.objects.get(gate=grant.gate)
    assert told(anchor, grant.gate)["serial"] == row.serial
    assert told(anchor, grant.gate)["doors"][0]["grants"] == [grant.pk]


def test_a_key_that_was_put_behind_still_opens_what_it_signed(settings: Any, anchor: Path) -> None:
    text = sealed("manifests/one", {"a": 1})
    settings.ACCESS_ANCHOR_KEYS = ["a-newer-key-" * 4, *settings.ACCESS_ANCHOR_KEYS]
    assert opened("manifests/one", text) == {"a": 1}
    settings.ACCESS_ANCHOR_KEYS = settings.ACCESS_ANCHOR_KEYS[:1]
    with pytest.raises(Forged):
        opened("manifests/one", text)


def test_two_writers_do_not_overwrite_each_other(anchor: Path) -> None:
    """A worker that wakes late must not put back what another has taken out."""
    place = Folder(anchor)
    place.write("manifests/one", "first", over=None)
    kept = place.read("manifests/one")
    assert kept is not None
    place.write("manifests/one", "second", over=kept.tag)
    with pytest.raises(Changed):
        place.write("manifests/one", "late", over=kept.tag)
    with pytest.raises(Changed):
        place.write("manifests/one", "as if it were new", over=None)
    assert place.names("manifests") == ["manifests/one"]
    assert list((anchor / "manifests").glob(".*")) == []


def test_a_folder_that_is_not_mounted_is_no_empty_memory(anchor: Path) -> None:
    shutil.rmtree(anchor)
    with pytest.raises(NotKept):
        Folder(anchor).read("checkpoint")
    with pytest.raises(NotKept):
        Folder(anchor).names("manifests")


def test_nothing_secret_stands_in_it(story: Story, anchor: Path) -> None:
    """X-50: the address of a link is a way in."""
    story.open()
    links = story.azure.state()["links"]
    for file in (anchor / "manifests").glob("*.json"):
        for link in links:
            assert link["bsl"].rsplit("/", 1)[1] not in file.read_text()
    assert db_now()
