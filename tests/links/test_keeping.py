"""The address of a link: sealed while its grant is open, emptied when closing begins, and
unreadable to whoever has the database alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from access import services
from access.ledger import Outsider
from access.models import Grant, LedgerEntry, Machine, PersonRole, Role
from access.sealed import Unreadable, seal
from access.services.end import give_back
from access.services.lockdowns import confirm, order
from access.states import GrantState
from links import keeping
from links.models import SealedLink
from tests.access.contract import Story, settle_now, wake_up
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, approved, let_pass, person, run_engine


@pytest.fixture
def story(live_estate: SimulatedAzure, cast: Cast) -> Story:
    return Story(live_estate, cast, "link", "link.created", "link.create", "link.delete")


def kept_of(grant: Grant) -> SealedLink:
    return SealedLink.objects.get(grant=grant)


def bsl(story: Story) -> str:
    (link,) = story.azure.state()["links"]
    return str(link["bsl"])


def test_it_is_kept_when_azure_shows_it_and_not_before(story: Story) -> None:
    grant = story.granted()
    run_engine(rounds=1)
    assert not SealedLink.objects.exists()
    run_engine()
    kept = kept_of(grant)
    assert keeping.reveal(kept) == bsl(story)
    told = LedgerEntry.objects.get(event="grant.opened", data__grant=grant.pk)
    assert kept.sha256 == told.data["seen"]["link_sha256"]


def test_a_copy_of_the_database_holds_nothing_to_open(story: Story) -> None:
    """X-50: neither the address nor its secret part, in no column, sealed as it is."""
    kept = kept_of(story.open())
    token = bsl(story).rsplit("/", 1)[1]
    assert token not in kept.sealed
    assert "bastion.azure.com" not in kept.sealed


def test_what_was_sealed_for_one_grant_is_not_read_for_another(story: Story) -> None:
    """Whoever can write to the database moves vendor A's link to vendor B's grant."""
    kept = kept_of(story.open())
    kept.grant_id += 1
    with pytest.raises(Unreadable, match="another grant"):
        keeping.reveal(kept)
    kept.sealed = seal("{}").replace("A", "B")
    with pytest.raises(Unreadable):
        keeping.reveal(kept)


def by_its_owner(story: Story, grant: Grant) -> None:
    services.end(grant, by=story.cast.alice)


def by_revoking(story: Story, grant: Grant) -> None:
    services.end(grant, by=story.cast.dana, reason="Not today")


def by_the_vendor(story: Story, grant: Grant) -> None:
    with transaction.atomic():
        assert give_back(grant.access_request, by=Outsider("vendor/1", "V. Technician"))


def by_time(story: Story, grant: Grant) -> None:
    let_pass(grant, 31)


def by_losing_its_ground(story: Story, grant: Grant) -> None:
    PersonRole.objects.filter(person=story.cast.alice).delete()


def in_an_incident(story: Story, grant: Grant) -> None:
    standing = order("all", "", "A stolen laptop", by=story.cast.dana)
    confirm(standing, by=person("Dora", Role.ADMIN))


WAYS: list[Callable[[Story, Grant], None]] = [
    by_its_owner, by_revoking, by_the_vendor, by_time, by_losing_its_ground, in_an_incident
]  # fmt: skip


@pytest.mark.parametrize("end", WAYS)
def test_it_is_emptied_when_closing_begins_whatever_the_way(
    story: Story, end: Callable[[Story, Grant], None]
) -> None:
    """Azure does not answer for an hour: the portal itself hands it out to nobody in that hour."""
    grant = story.open()
    digest = kept_of(grant).sha256
    story.azure.fault(operation="link.delete", action="status", status=503)
    end(story, grant)
    wake_up()
    run_engine(rounds=2)
    grant.refresh_from_db()
    kept = kept_of(grant)
    assert grant.state == GrantState.CLOSING
    assert (kept.sealed, kept.sha256) == ("", digest)
    assert kept.purged_at is not None
    with pytest.raises(Unreadable, match="purged"):
        keeping.reveal(kept)
    story.azure.mend()
    wake_up()
    run_engine()
    grant.refresh_from_db()
    assert (grant.state, kept_of(grant).sealed) == (GrantState.CLOSED, "")


def test_what_never_opened_was_never_kept(story: Story) -> None:
    story.azure.fault(operation="link.create", action="status", status=400, code="NotToday")
    grant = story.granted()
    run_engine()
    grant.refresh_from_db()
    assert grant.never_opened
    assert not SealedLink.objects.exists()


def test_a_link_that_azure_made_anew_takes_the_place_of_the_first(story: Story) -> None:
    """Somebody deleted it in Azure's portal; the engine made another; the vendor is handed that."""
    grant = story.open()
    first, machine = kept_of(grant), story.machine
    assert machine.bastion is not None
    before = bsl(story)
    where = {"bastion": machine.bastion.resource_id, "vm": machine.resource_id}
    story.azure.control("POST", "hand", {"delete_link": where})
    for _ in range(6):  # a list that lacks it once may have holes
        settle_now()
        wake_up()
        run_engine()
    again = kept_of(grant)
    assert keeping.reveal(again) == bsl(story) != before
    assert again.sha256 != first.sha256
    assert SealedLink.objects.count() == 1


def test_looking_again_costs_one_query_for_all_and_writes_nothing(story: Story) -> None:
    first = story.open()
    others = Machine.objects.filter(jit_ports__isnull=False).exclude(pk=first.machine_id)
    for machine in others[:2]:
        approved(machine, by=story.cast.alan, approver=story.cast.bob, kind="link")
    run_engine()
    open_now = Grant.objects.filter(kind="link", state=GrantState.OPEN)
    assert open_now.count() >= 2
    seen = {grant.pk: keeping.reveal(grant.sealed_link) for grant in open_now}
    at = kept_of(first).kept_at
    with CaptureQueriesContext(
        connection,
    ) as asked:
        keeping.keep(seen)
    assert len(asked) == 1
    assert kept_of(first).kept_at == at


def test_a_key_that_is_no_key_holds_up_nothing_but_the_address(story: Story, settings: Any) -> None:
    """What cannot be sealed is not kept. What is to be opened opens, what is to be closed closes,
    and it is said once, not at every look."""
    good = settings.FIELD_KEYS
    settings.FIELD_KEYS = ["no key at all"]
    grant = story.open()
    assert not SealedLink.objects.exists()
    wake_up()
    run_engine()
    told = LedgerEntry.objects.filter(event="portal.broke_down", data__grant=grant.pk)
    assert [line.outcome for line in told] == ["failed"]
    assert "could not keep" in told.get().data["reason"]
    assert "bastion.azure.com" not in str(told.get().data)
    settings.FIELD_KEYS = good
    wake_up()
    run_engine()
    grant.refresh_from_db()
    assert grant.problem == ""
    assert keeping.reveal(kept_of(grant)) == bsl(story)
    settings.FIELD_KEYS = ["no key at all"]
    services.end(grant, by=story.cast.alice)
    run_engine()
    grant.refresh_from_db()
    assert (grant.state, kept_of(grant).sealed) == (GrantState.CLOSED, "")
    assert story.azure.state()["links"] == []


def test_open_links_outlive_the_key_that_they_were_sealed_with(story: Story, settings: Any) -> None:
    """FIELD_KEYS are rotated while a vendor is at work."""
    old, new = settings.FIELD_KEYS[0], Fernet.generate_key().decode()
    grant = story.open()
    settings.FIELD_KEYS = [new, old]
    call_command("reseal", verbosity=0)
    settings.FIELD_KEYS = [new]
    assert keeping.reveal(kept_of(grant)) == bsl(story)
    services.end(grant, by=story.cast.alice)
    run_engine()
    call_command("reseal", verbosity=0)
    assert kept_of(grant).sealed == ""


def test_a_key_thrown_away_too_early_is_said_and_no_row_is_changed(
    story: Story, settings: Any
) -> None:
    kept = kept_of(story.open())
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match="FIELD_KEYS no longer holds"):
        call_command("reseal", verbosity=0)
    assert SealedLink.objects.get().sealed == kept.sealed
    with pytest.raises(Unreadable):
        keeping.reveal(kept)


def test_whatever_is_sealed_anywhere_is_known_to_the_command(story: Story, settings: Any) -> None:
    """A new sealed column that nobody told of would be lost with the old key."""
    from tests.access.notices.moves import endpoint

    old, new = settings.FIELD_KEYS[0], Fernet.generate_key().decode()
    story.open()
    endpoint("SIEM", "https://siem.example.test/x", "webhook")
    settings.FIELD_KEYS = [new, old]
    call_command("reseal", verbosity=0)
    found = list(_fernet_tokens())
    assert len(found) >= 3
    for token in found:
        Fernet(new).decrypt(token)


def _fernet_tokens() -> list[str]:
    found: list[str] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found += [v for row in cursor.fetchall() for v in row if str(v).startswith("gAAAAA")]
    return found
