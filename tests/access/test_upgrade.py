"""What was decided and opened by the release before must be opened and closed by this one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from access import gatekeeping, ledger, services
from access.clock import db_now
from access.kinds import kind_named
from access.models import (
    AccessRequest,
    Decision,
    EndOrder,
    Grant,
    Machine,
    Notice,
    RequestedDoor,
)
from access.states import GrantState
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, approve, ask, run_engine
from tests.support.estate import machine

BEFORE = [("access", "0007_capacity")]
BEFORE_VENDORS = [("access", "0012_tokens"), ("links", "0001_initial")]
OLD_POLICY = {"version": 1, "approvals": 1, "approver_role": "approver", "max_minutes": 2880}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def before() -> Iterator[Any]:
    """The models of the release before, their tables empty; afterwards all is as it was."""
    executor = MigrationExecutor(connection)
    yield executor.migrate(BEFORE).apps
    _migrate_to_the_end()


@pytest.fixture
def before_vendors() -> Iterator[Any]:
    executor = MigrationExecutor(connection)
    yield executor.migrate(BEFORE_VENDORS).apps
    _migrate_to_the_end()


def _migrate_to_the_end() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())  # what leans on ours went back with it


def test_what_was_approved_is_opened_and_what_waits_can_be_decided(before: Any) -> None:
    person = before.get_model("access", "Person")
    role = before.get_model("access", "PersonRole")
    alice = person.objects.create(tenant_id="test", object_id="alice", display_name="Alice")
    bob = person.objects.create(tenant_id="test", object_id="bob", display_name="Bob")
    role.objects.create(person=alice, role="engineer")
    role.objects.create(person=bob, role="approver")
    there = _old_machine(before)
    done = _old_request(before, alice, there, state="approved", decided_by=bob, decided_at=db_now())
    waits = _old_request(before, alice, there)
    _migrate_to_the_end()
    done, waits = (AccessRequest.objects.get(pk=each.pk) for each in (done, waits))
    assert (done.approved_how, waits.approved_how) == ("people", "")
    assert Decision.objects.get().access_request == done
    pending = RequestedDoor.objects.filter(pending=True)
    assert list(pending.values_list("access_request", flat=True)) == [waits.pk]
    assert pending.get().requester_id == alice.pk
    assert waits.judgement.stages[0].needed == 1
    grant = Grant(access_request=done, machine=done.doors.get().machine, kind="window", port=22)
    grant.starts_at = db_now()
    refusal = gatekeeping.refusal_of(grant, db_now())
    # Its digest was made up here, so all that may stand against it is that.
    assert refusal is not None
    assert refusal.reason == "The request differs from what was approved."


def test_terms_of_before_keep_their_digest(cast: Cast) -> None:
    """New words in the terms would have every approval of before look like a forgery."""
    from access.terms import digest_of, terms_of

    asked = ask(machine(), by=cast.alice)
    asked.policy = OLD_POLICY
    doors = list(asked.doors.select_related("machine"))
    assert set(terms_of(asked, doors)) == {
        "requester", "kind", "doors", "start", "minutes", "reason", "ticket", "vendor", "policy",
    }  # fmt: skip
    first = digest_of(asked, doors)
    asked.revision = 2
    assert digest_of(asked, doors) == first


def test_a_link_that_was_asked_for_before_there_were_invitations_keeps_its_digest_and_opens(
    live_estate: SimulatedAzure, cast: Cast
) -> None:
    """Asked for in the release before, granted by this one: nobody is written to, nothing fails."""
    from access.terms import digest_of, terms_of
    from links.models import Invitation, VendorContact

    asked = ask(Machine.objects.get(name="vm-app-01"), by=cast.alice, kind="link")
    asked.details, doors = {}, list(asked.doors.select_related("machine"))
    assert "details" not in terms_of(asked, doors)
    asked.terms_digest = digest_of(asked, doors)
    asked.save(update_fields=["details", "terms_digest"])
    VendorContact.objects.all().delete()
    approve(asked, by=cast.bob)
    run_engine()
    grant = asked.grants.get(kind="link")
    assert grant.state == GrantState.OPEN
    assert not Invitation.objects.exists()
    assert kind_named("link").describe(asked) == []
    services.end(grant, by=cast.alice)
    run_engine()
    grant.refresh_from_db()
    assert grant.state == GrantState.CLOSED
    assert not Notice.objects.filter(event__startswith="visit.").exists()


def test_what_a_kind_keeps_of_a_request_is_part_of_what_is_approved(cast: Cast) -> None:
    from access.terms import digest_of

    asked = ask(machine(), by=cast.alice)
    doors = list(asked.doors.select_related("machine"))
    before = digest_of(asked, doors)
    asked.details = {"sources": ["203.0.113.0/24"]}
    assert digest_of(asked, doors) != before


def test_ends_that_were_ordered_before_and_lines_that_were_written_before_still_hold(
    before_vendors: Any,
) -> None:
    """The new constraints are met by what is there, and the ledger by its own hashes."""
    person = before_vendors.get_model("access", "Person")
    alice = person.objects.create(tenant_id="test", object_id="alice", display_name="Alice")
    asked = _old_request(before_vendors, alice, _old_machine(before_vendors))
    gate = before_vendors.get_model("access", "Gate").objects.create(
        kind="window", resource_id="/p", resource_key="/p"
    )
    now = db_now()
    grant = before_vendors.get_model("access", "Grant").objects.create(
        access_request=asked, machine=asked.doors.get().machine, kind="window", port=22, gate=gate,
        starts_at=now, ends_at=now + timedelta(minutes=30), exclusive=False,
    )  # fmt: skip
    order = before_vendors.get_model("access", "EndOrder")
    order.objects.create(grant=grant, by=alice, at=now, how="owner")
    with transaction.atomic():
        ledger.record("test.before", by="worker")
    _migrate_to_the_end()
    kept = EndOrder.objects.get()
    assert (kept.by_id, kept.how) == (alice.pk, "owner")
    assert AccessRequest.objects.get().details == {}
    assert ledger.verify()[1] is None
    with pytest.raises(IntegrityError), transaction.atomic():
        EndOrder.objects.filter(pk=kept.pk).update(by=None)


def _old_machine(before: Any) -> Any:
    host = before.get_model("access", "BastionHost").objects.create(
        resource_id="/h", resource_key="/h", name="hub", subscription_id="s", resource_group="g",
        region="r", sku="Standard", synced_at=db_now(),
    )  # fmt: skip
    return before.get_model("access", "Machine").objects.create(
        resource_id="/vm", resource_key="/vm", name="vm", vm_id="id-1", subscription_id="s",
        resource_group="g", region="r", os="linux", bastion=host, synced_at=db_now(),
    )  # fmt: skip


def _old_request(before: Any, alice: Any, there: Any, **decided: Any) -> Any:
    now = db_now()
    asked = before.get_model("access", "AccessRequest").objects.create(
        requester=alice, submission_key=uuid.uuid4(), kind="window", duration_minutes=30,
        reason="Disk is full", policy=OLD_POLICY, terms_digest="0" * 64, created_at=now,
        lapses_at=now + timedelta(hours=8), **decided,
    )  # fmt: skip
    door = before.get_model("access", "RequestedDoor")
    named = {field.name for field in door._meta.get_fields()} & {"requester"}
    door.objects.create(
        access_request=asked, machine=there, vm_id="id-1", kind="window", port=22,
        **dict.fromkeys(named, alice),
    )  # fmt: skip
    return asked
