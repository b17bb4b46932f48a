"""Abuse of approvals, each under the number that the threat model gives it. Denied always means a
line in the ledger, too: with the person, the request and the reason."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from access import gatekeeping, services
from access.clock import db_now
from access.errors import Invalid, NotAllowed, WrongState
from access.models import (
    AccessRequest,
    Decision,
    Grant,
    LedgerEntry,
    Machine,
    Person,
    PersonRole,
    PolicyVersion,
    Role,
)
from access.services import policies
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, approve, approved, ask, let_pass, person, run_engine
from tests.support.estate import machine
from tests.support.ruling import TWO_STAGES, one_approver, put_in_force

pytestmark = pytest.mark.django_db

SELF_MADE = """
version: 1
groups:
  mine: [alice]
rules:
  - {name: Everything, approvals: [{from: [{group: mine}], needed: 1}]}
"""


def denied(event: str, *, by: Person) -> LedgerEntry:
    """The one line that the refusal left."""
    line = LedgerEntry.objects.get(event=event, outcome="denied", actor_id=by.identity)
    assert line.data["reason"]
    return line


def browser(who: Person) -> Client:
    client = Client()
    client.force_login(who, backend="portal.signin.backend.VouchedFor")
    return client


def post_approval(client: Client, asked: AccessRequest, **more: object) -> int:
    form = {"terms_digest": asked.terms_digest, "revision": asked.revision, **more}
    return client.post(f"/requests/{asked.reference}/approve/", form).status_code


def undecided(asked: AccessRequest) -> bool:
    asked.refresh_from_db()
    return asked.state == "pending" and not asked.grants.exists()


def test_x01_nobody_approves_their_own_in_the_pages(cast: Cast) -> None:
    asked = ask(machine(), by=cast.bob)
    page = browser(cast.bob).get(f"/requests/{asked.reference}/").content.decode()
    assert f"/requests/{asked.reference}/approve/" not in page
    assert post_approval(browser(cast.bob), asked) == 403
    assert undecided(asked)
    assert denied("request.approve.refused", by=cast.bob).reference == asked.reference


def test_x02_nor_over_the_api_and_a_token_decides_nothing(cast: Cast) -> None:
    asked = ask(machine(), by=cast.bob)
    url = f"/api/v1/requests/{asked.reference}/approve/"
    body = {"terms_digest": asked.terms_digest}
    answer = browser(cast.bob).post(url, body, content_type="application/json")
    assert answer.status_code == 403
    denied("request.approve.refused", by=cast.bob)
    for header in ("Bearer abc", "Token abc", "Basic abc"):
        bare = Client().post(
            url, body, content_type="application/json", headers={"Authorization": header}
        )
        assert bare.status_code == 401
    assert undecided(asked)


def test_x03_the_same_human_under_another_account(cast: Cast) -> None:
    other = person("Alice admin", Role.APPROVER, Role.ADMIN)
    Person.objects.filter(pk__in=[cast.alice.pk, other.pk]).update(person_key="employee-7")
    asked = ask(machine(), by=Person.objects.get(pk=cast.alice.pk))
    with pytest.raises(NotAllowed, match="another account"):
        approve(asked, by=Person.objects.get(pk=other.pk))
    assert undecided(asked)
    assert not asked.deciders.filter(person=other).exists()
    denied("request.approve.refused", by=other)


def test_x04_an_administrator_has_no_override(cast: Cast) -> None:
    PersonRole.objects.create(person=cast.dana, role=Role.ENGINEER)
    dana = Person.objects.get(pk=cast.dana.pk)
    asked = ask(machine(), by=dana)
    with pytest.raises(NotAllowed):
        approve(asked, by=dana)
    assert undecided(asked)
    denied("request.approve.refused", by=dana)


def test_x05_a_requester_in_the_approving_group_is_left_out(cast: Cast) -> None:
    put_in_force(
        """
        version: 1
        groups: {payments: [bob]}
        rules:
          - {name: All, approvals: [{from: [{group: payments}], needed: 1, label: Payments}]}
        """
    )
    asked = ask(machine(), by=cast.bob)
    asked.refresh_from_db()
    assert "No eligible approver is left for Payments" in asked.blocked
    line = LedgerEntry.objects.get(event="request.blocked")
    assert (line.outcome, line.reference) == ("denied", asked.reference)
    with pytest.raises(NotAllowed):
        approve(asked, by=cast.dana)


def test_x06_a_policy_of_one_s_own_making(cast: Cast) -> None:
    """It needs a second administrator, and means nothing to what was sent before."""
    asked = ask(machine(), by=cast.alice)
    for role in (Role.ADMIN, Role.APPROVER):
        PersonRole.objects.create(person=cast.alice, role=role)
    alice = Person.objects.get(pk=cast.alice.pk)
    made = policies.propose(SELF_MADE, note="Mine", by=alice, based_on=0)
    with pytest.raises(NotAllowed):
        policies.put_in_force(made, by=alice, digest=made.digest)
    assert not PolicyVersion.objects.filter(state="active").exists()
    policies.put_in_force(made, by=cast.dana, digest=made.digest)
    asked.refresh_from_db()
    assert asked.policy["number"] == 0
    with pytest.raises(NotAllowed):
        approve(asked, by=alice)
    assert undecided(asked)
    denied("access_policy.put_in_force.refused", by=alice)


def test_x07_two_who_approve_each_other_are_shown_to_reviewers(cast: Cast) -> None:
    PersonRole.objects.create(person=cast.alan, role=Role.APPROVER)
    alan = Person.objects.get(pk=cast.alan.pk)
    for number in range(2):
        approve(ask(machine(f"vm-a{number}"), by=alan), by=cast.bob)
        approve(ask(machine(f"vm-b{number}"), by=cast.bob), by=alan)
    page = browser(cast.erin).get("/reviews/").content.decode()
    assert "Alan" in page
    assert "Bob" in page
    assert LedgerEntry.objects.filter(event="request.approved").count() == 4


def test_x08_a_request_that_is_changed_after_an_approval_loses_it(cast: Cast) -> None:
    person("Sven", Role.APPROVER)
    put_in_force(TWO_STAGES)
    asked = ask(machine(), by=cast.alice)
    approve(asked, by=cast.bob)
    body = {"revision": 1, "minutes": 60, "start": None, "reason": "Longer", "ticket": ""}
    url = f"/api/v1/requests/{asked.reference}/change/"
    answer = browser(cast.alice).post(url, body, content_type="application/json").json()
    assert (answer["state"], answer["revision"], answer["stage"]) == ("pending", 2, 0)
    assert Decision.objects.get().dismissed_at is not None
    assert LedgerEntry.objects.filter(event="request.approval_dismissed").count() == 1


def test_x08_what_is_fully_approved_is_not_changed_at_all(cast: Cast) -> None:
    asked = approve(ask(machine(), by=cast.alice), by=cast.bob)
    words = services.Words(60, None, "Longer", "")
    with pytest.raises(WrongState, match="already approved by Bob"):
        services.change(asked, words, by=cast.alice, revision=1)
    denied("request.change.refused", by=cast.alice)


def test_x09_a_stale_page_decides_nothing_and_shows_what_changed(cast: Cast) -> None:
    asked = ask(machine(), by=cast.alice)
    seen = AccessRequest.objects.get(pk=asked.pk)
    services.change(asked, services.Words(60, None, asked.reason, ""), by=cast.alice, revision=1)
    answer = browser(cast.bob).post(
        f"/requests/{asked.reference}/approve/",
        {"terms_digest": seen.terms_digest, "revision": 1},
    )
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "Nothing was changed" in page or "Nothing was decided" in page
    assert "30 min" in page
    assert "1 h" in page
    assert undecided(asked)
    denied("request.approve.refused", by=cast.bob)


def test_x11_an_approver_who_lengthens(cast: Cast) -> None:
    asked = ask(machine(), by=cast.alice)
    assert post_approval(browser(cast.bob), asked, minutes="31") == 400
    url = f"/api/v1/requests/{asked.reference}/approve/"
    body = {"terms_digest": asked.terms_digest, "minutes": 31}
    answer = browser(cast.bob).post(url, body, content_type="application/json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["minutes"])
    assert undecided(asked)
    assert LedgerEntry.objects.filter(event="request.approve.refused").count() == 2


def test_x12_the_role_was_lost_between_the_page_and_the_click(cast: Cast) -> None:
    asked = ask(machine(), by=cast.alice)
    client = browser(cast.bob)
    assert client.get(f"/requests/{asked.reference}/").status_code == 200
    PersonRole.objects.filter(person=cast.bob, role=Role.APPROVER).delete()
    assert post_approval(client, asked) in (403, 404)
    with pytest.raises(NotAllowed):
        approve(asked, by=Person.objects.get(pk=cast.bob.pk))
    assert undecided(asked)
    denied("request.approve.refused", by=cast.bob)


class TestBeforeTheDoorIsOpened:
    """With the real engine, against simulated Azure."""

    pytestmark = pytest.mark.django_db(transaction=True)

    @pytest.fixture
    def story(self, live_estate: SimulatedAzure) -> tuple[Cast, Machine]:
        return Cast.create(), Machine.objects.get(name="vm-app-01")

    def scheduled(self, story: tuple[Cast, Machine]) -> Grant:
        """For an hour, beginning in a few minutes; then the beginning has come."""
        cast, there = story
        start = db_now() + timedelta(minutes=10)
        return approved(there, by=cast.alice, approver=cast.bob, minutes=60, start=start)

    def held(self, grant: Grant, azure: SimulatedAzure) -> AccessRequest:
        let_pass(grant, 11)
        run_engine()
        grant.refresh_from_db()
        assert grant.state == "scheduled"
        assert azure.record("jit.initiate") == []
        asked = AccessRequest.objects.get(pk=grant.access_request_id)
        assert asked.hold
        line = LedgerEntry.objects.get(event="grant.held", reference=asked.reference)
        assert line.outcome == "denied"
        return asked

    def test_x13_the_approver_lost_the_role(
        self, story: tuple[Cast, Machine], live_estate: SimulatedAzure
    ) -> None:
        cast, _ = story
        carol = person("Carol", Role.APPROVER)
        grant = self.scheduled(story)
        PersonRole.objects.filter(person=cast.bob, role=Role.APPROVER).delete()
        asked = self.held(grant, live_estate)
        assert "Bob" in asked.hold
        assert set(asked.deciders.values_list("person", flat=True)) == {carol.pk}
        approve(asked, by=carol)
        Grant.objects.update(not_before=None)
        run_engine()
        grant.refresh_from_db()
        assert grant.state == "open"
        assert AccessRequest.objects.get(pk=asked.pk).hold == ""

    def test_x14_the_policy_was_tightened(
        self, story: tuple[Cast, Machine], live_estate: SimulatedAzure
    ) -> None:
        grant = self.scheduled(story)
        put_in_force(one_approver(approvals=[{"from": [{"role": "approver"}], "needed": 2}]))
        assert "stricter" in self.held(grant, live_estate).hold

    def test_a_held_request_that_is_denied_opens_nothing(
        self, story: tuple[Cast, Machine], live_estate: SimulatedAzure
    ) -> None:
        cast, _ = story
        carol = person("Carol", Role.APPROVER)
        grant = self.scheduled(story)
        PersonRole.objects.filter(person=cast.bob, role=Role.APPROVER).delete()
        asked = self.held(grant, live_estate)
        services.deny(asked, by=carol, terms_digest=asked.terms_digest, comment="Not any more")
        run_engine()
        grant.refresh_from_db()
        assert (grant.state, grant.opened_at) == ("closed", None)
        assert live_estate.record("jit.initiate") == []

    def test_a_held_request_whose_time_goes_by_is_closed_unopened(
        self, story: tuple[Cast, Machine], live_estate: SimulatedAzure
    ) -> None:
        cast, _ = story
        grant = self.scheduled(story)
        PersonRole.objects.filter(person=cast.bob, role=Role.APPROVER).delete()
        self.held(grant, live_estate)
        let_pass(grant, 60)
        Grant.objects.update(not_before=None)
        run_engine()
        grant.refresh_from_db()
        assert (grant.state, grant.opened_at) == ("closed", None)
        assert "approved again" in grant.close_reason

    def test_x15_the_requester_was_disabled_before_the_start(
        self, story: tuple[Cast, Machine], live_estate: SimulatedAzure
    ) -> None:
        cast, _ = story
        grant = self.scheduled(story)
        Person.objects.filter(pk=cast.alice.pk).update(is_active=False)
        let_pass(grant, 11)
        run_engine()
        grant.refresh_from_db()
        assert (grant.state, grant.opened_at) == ("closed", None)
        assert live_estate.record("jit.initiate") == []
        assert LedgerEntry.objects.filter(event="grant.refused", outcome="denied").exists()

    def test_x15_the_requester_was_disabled_during_the_window(
        self, story: tuple[Cast, Machine], live_estate: SimulatedAzure
    ) -> None:
        cast, there = story
        grant = approved(there, by=cast.alice, approver=cast.bob)
        run_engine()
        grant.refresh_from_db()
        assert grant.state == "open"
        Person.objects.filter(pk=cast.alice.pk).update(is_active=False)
        grant.gate.look_again_at = None  # its next turn has come
        grant.gate.save()
        run_engine()
        grant.refresh_from_db()
        assert grant.state == "closed"
        assert "no longer active" in grant.close_reason

    def test_x16_the_machine_was_re_created_under_its_name(
        self, story: tuple[Cast, Machine], live_estate: SimulatedAzure
    ) -> None:
        grant = self.scheduled(story)
        Machine.objects.filter(pk=grant.machine_id).update(vm_id="another")
        let_pass(grant, 11)
        run_engine()
        grant.refresh_from_db()
        assert (grant.state, grant.opened_at) == ("closed", None)
        assert grant.close_reason == gatekeeping.RECREATED
        assert LedgerEntry.objects.filter(event="grant.refused", outcome="denied").exists()


def test_x18_an_old_approval_is_sent_again(cast: Cast) -> None:
    asked = ask(machine(), by=cast.alice)
    client = browser(cast.bob)
    assert post_approval(client, asked) == 302
    assert post_approval(client, asked) == 409
    assert Decision.objects.count() == 1
    assert LedgerEntry.objects.filter(event="request.approved").count() == 1
    denied("request.approve.refused", by=cast.bob)


def test_x23_another_site_posts_an_approval(cast: Cast) -> None:
    asked = ask(machine(), by=cast.alice)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.bob, backend="portal.signin.backend.VouchedFor")
    assert post_approval(strict, asked) == 403
    foreign = browser(cast.bob)
    form = {"terms_digest": asked.terms_digest, "revision": 1}
    for url in (
        f"/requests/{asked.reference}/approve/",
        f"/api/v1/requests/{asked.reference}/approve/",
    ):
        answer = foreign.post(url, form, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403
    assert undecided(asked)
    lines = LedgerEntry.objects.filter(event="web.forgery_refused", actor_id=cast.bob.identity)
    assert lines.count() == 3


def test_x24_the_decision_cannot_be_put_into_another_site_s_frame(cast: Cast) -> None:
    asked = ask(machine(), by=cast.alice)
    answer = browser(cast.bob).get(f"/requests/{asked.reference}/")
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_x25_an_address_decides_nothing_and_ticks_nothing(cast: Cast) -> None:
    asked = ask(machine(), by=cast.alice)
    client = browser(cast.bob)
    plain = client.get(f"/requests/{asked.reference}/").content
    for query in ("decision=approve", "minutes=5&comment=yes", "verdict=approve&confirm=1"):
        answer = client.get(f"/requests/{asked.reference}/?{query}")
        assert _without_tokens(answer.content) == _without_tokens(plain)
    assert undecided(asked)


def test_approval_by_way_of_a_get_or_head(cast: Cast) -> None:
    """X-21: what a scanner of mails does to every address in them."""
    asked = ask(machine(), by=cast.alice)
    client = browser(cast.bob)
    for what in ("approve", "deny", "withdraw"):
        url = f"/requests/{asked.reference}/{what}/"
        assert client.get(url).status_code == 405
        assert client.head(url).status_code == 405
        assert Client().post(url).status_code in (302, 403)  # nobody is signed in
    assert undecided(asked)


Act = Callable[[], object]


def test_more_time_for_what_is_another_s(cast: Cast) -> None:
    grant = approved(machine(), by=cast.alice, approver=cast.bob)
    key = uuid.uuid4()
    with pytest.raises((Invalid, NotAllowed)):
        services.extend(grant.access_request, minutes=60, reason="", key=key, by=cast.alan)
    denied("request.extend.refused", by=cast.alan)


def _without_tokens(page: bytes) -> list[str]:
    """Lines without tokens, clocks and the page's own address, which differ by nature."""
    skipped = ("csrfmiddlewaretoken", "data-now", "nonce", 'name="next"', "Printed", "datetime=")
    return [
        line for line in page.decode().splitlines() if not any(word in line for word in skipped)
    ]
