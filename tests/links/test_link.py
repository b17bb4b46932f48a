"""Shareable links against simulated Azure: the contract, and what only links do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from access import services
from access.models import Grant, LedgerEntry
from access.states import GrantState
from tests.access.contract import KindContract, Story
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, approved, let_pass, run_engine


@pytest.fixture
def story(live_estate: SimulatedAzure, cast: Cast) -> Story:
    return Story(live_estate, cast, "link", "link.created", "link.create", "link.delete")


class TestLinkIsAKind(KindContract):
    pass


def test_link_and_window_open_together_and_end_together(story: Story) -> None:
    grant = story.open()
    window = Grant.objects.get(access_request=grant.access_request, kind="window")
    assert window.state == GrantState.OPEN
    services.end(grant, by=story.cast.alice)
    run_engine()
    window.refresh_from_db()
    assert window.state == GrantState.CLOSED
    assert story.azure.state()["open_windows"] == []


def test_a_window_does_not_outlive_the_link_that_could_not_be_opened(story: Story) -> None:
    story.azure.fault(operation="link.create", action="status", status=400, code="NotToday")
    grant = story.granted()
    for _ in range(3):
        run_engine()
        from tests.access.contract import wake_up

        wake_up()
    window = Grant.objects.get(access_request=grant.access_request, kind="window")
    assert window.state == GrantState.CLOSED
    assert story.azure.state()["open_windows"] == []


def test_the_address_of_a_link_is_nowhere_in_the_database(story: Story) -> None:
    """X-50: it is a bearer secret; a digest is enough to recognise it."""
    story.open()
    (link,) = story.azure.state()["links"]
    token = link["bsl"].rsplit("/", 1)[1]
    told = LedgerEntry.objects.get(event="grant.opened", data__kind="link")
    assert len(told.data["seen"]["link_sha256"]) == 64
    from django.apps import apps
    from django.core import serializers

    dump = "".join(
        serializers.serialize("json", model.objects.all()) for model in apps.get_models()
    )
    assert token not in dump
    assert "shareable-url" not in dump


def test_a_link_that_somebody_made_before_is_not_handed_to_the_next_vendor(story: Story) -> None:
    vm = story.machine
    assert vm.bastion is not None
    story.azure.control(
        "POST", "hand", {"add_link": {"bastion": vm.bastion.resource_id, "vm": vm.resource_id}}
    )
    (before,) = story.azure.state()["links"]
    story.open()
    (after,) = story.azure.state()["links"]
    assert before["bsl"] != after["bsl"]
    assert LedgerEntry.objects.filter(event="door.found_open").exists()


def test_the_next_link_is_made_only_when_the_former_was_seen_to_be_gone(story: Story) -> None:
    """X-47: vendor A must not be able to use vendor B's time."""
    first = story.open(minutes=60)
    (link_a,) = story.azure.state()["links"]
    second = approved(
        story.machine, by=story.cast.alan, approver=story.cast.bob, kind="link",
        start=first.ends_at + timedelta(seconds=1), minutes=60,
    )  # fmt: skip
    let_pass(first, 61)
    let_pass(second, 61)
    story.azure.fault(operation="link.delete", action="status", status=503)
    run_engine(rounds=3)
    second.refresh_from_db()
    assert second.state == GrantState.SCHEDULED
    story.azure.mend()
    from tests.access.contract import wake_up

    for _ in range(3):
        wake_up()
        Grant.objects.update(not_before=None)
        run_engine()
    second.refresh_from_db()
    (link_b,) = story.azure.state()["links"]
    assert second.state == GrantState.OPEN
    assert link_a["bsl"] != link_b["bsl"]


def test_azures_own_word_that_it_cannot_make_a_link_ends_the_attempt(story: Story) -> None:
    """A partial failure: the row has a message and no address."""
    from links.bastion import _seen

    class Row:
        bsl, message = None, "VM is not reachable"

    assert _seen(Row()).failed == "VM is not reachable"
