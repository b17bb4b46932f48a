"""What is open in Azure without a grant: seen, shown, never adopted, removed when somebody says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from access import engine, ledger, services
from access.clock import db_now
from access.errors import Invalid, NotAllowed, WrongState
from access.models import Finding, Gate, Grant, LedgerEntry, Machine
from access.states import GrantState
from tests.access.contract import Story
from tests.support.cast import be_seen, run_engine


def audit() -> None:
    """The audit pass at every gate, now."""
    be_seen()
    Gate.objects.update(audited_at=None, pause_until=None)
    for gate_id in engine.due_audits():
        engine.audit(gate_id)


def a_link_by_hand(story: Story) -> Machine:
    vm = story.machine
    assert vm.bastion is not None
    made = {"bastion": vm.bastion.resource_id, "vm": vm.resource_id}
    story.azure.control("POST", "hand", {"add_link": made})
    return vm


def a_window_by_hand(story: Story) -> Machine:
    vm = story.machine
    gate = Gate.objects.get(kind="window")
    asked = {
        "policy": gate.resource_id, "vm": vm.resource_id, "port": 22, "seconds": 3600,
        "source": "10.0.255.0/26", "requestor": "somebody@example.test",
    }  # fmt: skip
    story.azure.control("POST", "hand", {"initiate": asked})
    return vm


@pytest.fixture(params=["link", "window"])
def stray(request: pytest.FixtureRequest, link: Story, window: Story) -> tuple[Story, Machine]:
    if request.param == "link":
        return link, a_link_by_hand(link)
    return window, a_window_by_hand(window)


def test_what_was_opened_by_hand_is_found_and_not_taken_for_allowed(
    stray: tuple[Story, Machine],
) -> None:
    """R-19"""
    story, vm = stray
    audit()
    (finding,) = Finding.objects.all()
    assert (finding.machine, finding.left_by, finding.gone_at) == (vm, "", None)
    assert story.doors_in_azure() == 1  # nobody said that it may be removed
    assert not Grant.objects.exists()
    audit()
    assert LedgerEntry.objects.filter(event="drift.found").count() == 1


def test_an_administrator_has_it_removed_and_azure_is_asked_whether_it_is_gone(
    stray: tuple[Story, Machine],
) -> None:
    story, _ = stray
    audit()
    finding = Finding.objects.get()
    services.remove(finding, by=story.cast.dana, reason="Nobody asked for it")
    services.remove(finding, by=story.cast.dana, reason="again")
    audit()
    finding.refresh_from_db()
    assert finding.gone_at is None  # asked for, not seen yet
    audit()
    finding.refresh_from_db()
    assert finding.gone_at is not None
    assert story.doors_in_azure() == 0
    told = list(LedgerEntry.objects.filter(event__startswith="drift.").order_by("seq"))
    assert [line.event for line in told] == [
        "drift.found", "drift.removal_ordered", "drift.removal_sent", "drift.gone"
    ]  # fmt: skip
    assert ledger.verify()[1] is None
    with pytest.raises(WrongState):
        services.remove(finding, by=story.cast.dana, reason="too late")


def test_who_may_have_it_removed(stray: tuple[Story, Machine]) -> None:
    story, _ = stray
    audit()
    finding = Finding.objects.get()
    for person in (story.cast.alice, story.cast.bob, story.cast.erin):
        with pytest.raises(NotAllowed):
            services.remove(finding, by=person, reason="I want it")
    with pytest.raises(Invalid):
        services.remove(finding, by=story.cast.dana, reason=" ")
    assert LedgerEntry.objects.filter(event="drift.remove.refused").count() == 3


def test_what_a_grant_holds_is_no_drift(link: Story) -> None:
    link.open()
    audit()
    assert not Finding.objects.exists()


def test_a_remnant_of_our_own_is_removed_without_being_asked(link: Story) -> None:
    """Azure carried out an order long after everybody took it for lost."""
    grant = link.granted()
    Grant.objects.filter(access_request=grant.access_request).update(
        state=GrantState.CLOSED, closed_at=db_now(), due_at=db_now(), close_reason="Over.",
        asked_at=db_now() - timedelta(minutes=5),
    )  # fmt: skip
    a_link_by_hand(link)
    audit()
    finding = Finding.objects.get()
    assert finding.left_by == grant.access_request.reference
    audit()
    assert link.doors_in_azure() == 0


def test_a_window_that_another_tool_opened_tells_who_asked(window: Story) -> None:
    a_window_by_hand(window)
    audit()
    assert Finding.objects.get().detail["asked_by"] == "somebody@example.test"


def test_an_answer_that_fails_shows_nothing_as_gone(stray: tuple[Story, Machine]) -> None:
    """R-20"""
    story, _ = stray
    audit()
    for operation in ("link.list", "nsg.get"):
        story.azure.fault(operation=operation, action="status", status=503)
    audit()
    assert Finding.objects.get().gone_at is None
    assert Gate.objects.exclude(problem="").exists()


def test_a_removal_that_azure_refuses_is_said_and_tried_again(link: Story) -> None:
    a_link_by_hand(link)
    audit()
    finding = Finding.objects.get()
    link.azure.fault(operation="link.delete", action="status", status=403, times=1)
    services.remove(finding, by=link.cast.dana, reason="Nobody asked for it")
    audit()
    finding.refresh_from_db()
    assert "not allowed" in finding.problem
    Finding.objects.update(sent_at=db_now() - timedelta(minutes=1))
    audit()
    audit()
    finding.refresh_from_db()
    assert (finding.gone_at is not None, finding.problem) == (True, "")


def test_the_policy_can_be_to_remove_at_once(link: Story, settings: object) -> None:
    settings.ACCESS_REMOVE_STRAYS = True  # type: ignore[attr-defined]
    a_link_by_hand(link)
    audit()
    audit()
    assert link.doors_in_azure() == 0
    assert Finding.objects.get().gone_at is not None


def test_a_look_and_an_audit_never_hold_one_gate_at_once(link: Story) -> None:
    grant = link.granted()
    be_seen()
    assert engine.claim(grant.gate_id) is not None
    Gate.objects.update(audited_at=None)
    assert grant.gate_id not in engine.due_audits()


class TestThePage:
    @pytest.fixture
    def browser(self) -> Callable[..., Client]:
        def signed_in(person: object) -> Client:
            client = Client()
            client.force_login(person)  # type: ignore[arg-type]
            return client

        return signed_in

    def test_overseers_see_it_and_others_do_not_know_of_it(
        self, link: Story, browser: Callable[..., Client]
    ) -> None:
        a_link_by_hand(link)
        audit()
        for person in (link.cast.bob, link.cast.dana, link.cast.erin):
            page = browser(person).get("/drift/").content.decode()
            assert "Open, belongs to nobody" in page
            assert "Azure does not tell" in page
        assert browser(link.cast.alice).get("/drift/").status_code == 404

    def test_an_administrator_removes_it_with_a_reason(
        self, link: Story, browser: Callable[..., Client]
    ) -> None:
        a_link_by_hand(link)
        audit()
        finding = Finding.objects.get()
        address = f"/drift/{finding.pk}/remove/"
        admin = browser(link.cast.dana)
        assert "Why is it removed?" in admin.get(address).content.decode()
        assert admin.post(address, {"reason": ""}).status_code == 400
        assert admin.post(address, {"reason": "Nobody asked"}).status_code == 302
        assert "Removing" in admin.get("/drift/").content.decode()
        assert browser(link.cast.erin).post(address, {"reason": "x"}).status_code == 403

    def test_without_findings_it_says_how_fresh_that_is(
        self, link: Story, browser: Callable[..., Client]
    ) -> None:
        audit()
        page = browser(link.cast.erin).get("/drift/").content.decode()
        assert "Nothing is open that was not approved" in page
        assert "Every gate was asked since" in page
        run_engine()
