"""The request page: who sees it, what it says, and deciding on it."""

from __future__ import annotations

import json
import re

import pytest
from django.urls import reverse

from access import services
from access.models import AccessRequest, EndOrder, Grant, LedgerEntry, Machine, PersonRole
from tests.access.views.conftest import (
    Browser,
    make_closed,
    make_open,
    make_overdue,
    trouble,
)
from tests.support import estate
from tests.support.cast import Cast, approve, approved, ask


def page(asked: AccessRequest, name: str = "request") -> str:
    return reverse(name, args=[asked.reference])


def words(response) -> str:
    """The page's text as people read it."""
    text = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", text)


def test_a_colleague_cannot_tell_a_foreign_request_from_none(cast: Cast, vm, browser: Browser):
    asked = ask(vm, by=cast.alice)
    charlie = browser(cast.charlie)
    assert charlie.get(page(asked)).status_code == 404
    assert charlie.get(page(asked, "request-live")).status_code == 404
    assert charlie.post(page(asked, "request-withdraw")).status_code == 404
    foreign, none = charlie.get(page(asked)), charlie.get("/requests/BA-999999/")
    assert strip(foreign) == strip(none)


def strip(response) -> str:
    text = re.sub(
        r'(data-now|name="next" value|csrfmiddlewaretoken" value)="[^"]*"',
        "",
        response.content.decode(),
    )
    return text


@pytest.mark.parametrize("who", ["bob", "dana", "erin", "alice"])
def test_those_concerned_see_it(who: str, cast: Cast, vm, browser: Browser):
    asked = ask(vm, by=cast.alice)
    response = browser(getattr(cast, who)).get(page(asked))
    assert response.status_code == 200
    assert asked.reference in words(response)


def test_a_reference_has_one_spelling(cast: Cast, vm, browser: Browser):
    asked = ask(vm, by=cast.alice)
    alice = browser(cast.alice)
    assert alice.get(f"/requests/BA-0{asked.pk:06d}/").status_code == 404
    assert alice.get(f"/requests/{asked.pk}/").status_code == 404


def test_bob_approves_what_he_saw(cast: Cast, vm, browser: Browser):
    asked = ask(vm, by=cast.alice)
    bob = browser(cast.bob)
    assert asked.terms_digest in bob.get(page(asked)).content.decode()
    response = bob.post(page(asked, "request-approve"), {"terms_digest": asked.terms_digest})
    assert (response.status_code, response.url) == (302, page(asked))
    asked.refresh_from_db()
    assert asked.state == "approved"
    assert asked.grants.count() == 1


def test_approving_other_terms_than_those_shown_is_a_conflict(cast: Cast, vm, browser: Browser):
    asked = ask(vm, by=cast.alice)
    response = browser(cast.bob).post(page(asked, "request-approve"), {"terms_digest": "0" * 64})
    assert response.status_code == 409
    assert "Nothing was changed." in words(response)
    assert "not the one you were shown" in words(response)
    asked.refresh_from_db()
    assert asked.state == "pending"


def test_a_decision_that_came_too_late_shows_the_fresh_state(cast: Cast, vm, browser: Browser):
    asked = ask(vm, by=cast.alice)
    services.withdraw(asked, by=cast.alice)
    sent = {"terms_digest": asked.terms_digest}
    response = browser(cast.bob).post(page(asked, "request-approve"), sent)
    assert response.status_code == 409
    assert "was already withdrawn" in words(response)
    assert "Withdrawn" in words(response)
    assert page(asked, "request-approve") not in response.content.decode()


def test_denying_needs_a_comment_and_keeps_the_page(cast: Cast, vm, browser: Browser):
    asked = ask(vm, by=cast.alice)
    sent = {"terms_digest": asked.terms_digest, "comment": "  "}
    response = browser(cast.bob).post(page(asked, "request-deny"), sent)
    assert response.status_code == 400
    html = response.content.decode()
    assert "There is a problem" in html
    assert 'href="#id_comment"' in html
    assert "<title>Error: " in html
    asked.refresh_from_db()
    assert asked.state == "pending"


def test_nobody_is_offered_to_decide_their_own(cast: Cast, vm, browser: Browser):
    PersonRole.objects.create(person=cast.alan, role="approver")
    asked = ask(vm, by=cast.bob)
    bob = browser(cast.bob)
    assert page(asked, "request-approve") not in bob.get(page(asked)).content.decode()
    response = bob.post(page(asked, "request-approve"), {"terms_digest": asked.terms_digest})
    assert response.status_code == 403
    assert "Nobody decides their own request" in words(response)


def test_an_auditor_is_not_offered_and_may_not_decide(cast: Cast, vm, browser: Browser):
    asked = ask(vm, by=cast.alice)
    erin = browser(cast.erin)
    assert page(asked, "request-approve") not in erin.get(page(asked)).content.decode()
    response = erin.post(page(asked, "request-deny"), {"terms_digest": "x", "comment": "no"})
    assert response.status_code == 403


def test_reading_changes_nothing(cast: Cast, vm, browser: Browser):
    asked = ask(vm, by=cast.alice)
    bob = browser(cast.bob)
    for name in ("request-approve", "request-deny", "request-withdraw"):
        assert bob.get(page(asked, name)).status_code == 405
    asked.refresh_from_db()
    assert asked.state == "pending"


def test_a_form_without_its_token_is_refused_in_plain_words(cast: Cast, vm):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.bob, backend="portal.signin.backend.VouchedFor")
    asked = ask(vm, by=cast.alice)
    response = client.post(page(asked, "request-approve"), {"terms_digest": asked.terms_digest})
    assert response.status_code == 403
    assert "open for too long" in words(response)


def test_hostile_words_stay_words(cast: Cast, browser: Browser):
    evil = '<script>alert("x")</script>'
    vm = estate.machine("vm-<b>bold</b>", owner=evil[:64])
    asked = ask(vm, by=cast.alice, reason=f"{evil} {{{{ 7|add:1 }}}}")
    bob = browser(cast.bob)
    for path in (page(asked), "/", "/approvals/", "/machines/"):
        html = bob.get(path).content.decode()
        assert "<script>alert" not in html
        assert "<b>bold" not in html
    assert "&lt;script&gt;alert" in bob.get(page(asked)).content.decode()


def test_commands_are_there_only_while_it_is_open_and_only_for_the_requester(
    cast: Cast, opened: Grant, browser: Browser
):
    asked = opened.access_request
    assert "az network bastion ssh" in words(browser(cast.alice).get(page(asked)))
    assert "az network bastion ssh" not in words(browser(cast.bob).get(page(asked)))
    make_overdue(opened)
    assert "az network bastion ssh" not in words(browser(cast.alice).get(page(asked)))


def test_a_host_without_native_client_explains_the_azure_portal(cast: Cast, browser: Browser):
    vm = estate.machine(bastion=estate.host("basic", sku="Basic", tunneling=False))
    grant = make_open(approved(vm, by=cast.alice, approver=cast.bob))
    text = words(browser(cast.alice).get(page(grant.access_request)))
    assert "In the Azure portal open" in text
    assert "az network" not in text


def test_overdue_is_said_and_never_called_closed(cast: Cast, opened: Grant, browser: Browser):
    make_overdue(opened)
    trouble(opened.gate, "Azure answered 503")
    text = words(browser(cast.alice).get(page(opened.access_request)))
    assert "Overdue: still open" in text
    assert "Azure answered 503" in text
    assert "Next try at" in text
    assert "Seen closed" not in text
    assert "It is closed" not in text


def test_closing_within_its_minute_is_not_overdue(cast: Cast, opened: Grant, browser: Browser):
    make_overdue(opened, seconds=20)
    text = words(browser(cast.alice).get(page(opened.access_request)))
    assert "Closing" in text
    assert "Overdue" not in text


def test_what_never_opened_says_so_with_the_reason(cast: Cast, opened: Grant, browser: Browser):
    make_closed(opened, opened=False, reason="Azure refused to open it: policy changed.")
    text = words(browser(cast.alice).get(page(opened.access_request)))
    assert "Could not be opened" in text
    assert "policy changed" in text
    assert "seen closed" not in text


def test_a_request_without_an_approver_left_says_so(cast: Cast, vm, browser: Browser):
    asked = ask(vm, by=cast.alice)
    PersonRole.objects.filter(role="approver").delete()
    assert "No eligible approver" in words(browser(cast.alice).get(page(asked)))


def test_the_story_is_told_in_words_and_an_unknown_event_by_name(cast: Cast, opened, browser):
    from django.db import transaction

    from access import ledger

    with transaction.atomic():
        ledger.record("grant.levitated", by="worker", reference=opened.access_request.reference)
    text = words(browser(cast.alice).get(page(opened.access_request)))
    assert "Alice asked for access" in text
    assert "Bob approved the request" in text
    assert "grant.levitated" in text


class TestLive:
    def test_unchanged_is_304_without_a_body(self, cast: Cast, opened: Grant, browser: Browser):
        alice = browser(cast.alice)
        first = alice.get(page(opened.access_request, "request-live"))
        again = alice.get(
            page(opened.access_request, "request-live"), headers={"If-None-Match": first["ETag"]}
        )
        assert (first.status_code, again.status_code) == (200, 304)
        assert again.content == b""

    def test_the_page_knows_the_mark_of_what_it_shows(self, cast: Cast, opened, browser: Browser):
        alice = browser(cast.alice)
        html = alice.get(page(opened.access_request)).content.decode()
        mark = re.search(r"hx-headers='\{\"If-None-Match\": \"(\w+)\"\}'", html)
        assert mark
        answer = alice.get(
            page(opened.access_request, "request-live"), headers={"If-None-Match": mark[1]}
        )
        assert answer.status_code == 304

    @pytest.mark.parametrize(
        "change",
        [
            lambda grant: Grant.objects.filter(pk=grant.pk).update(outstanding="1 session left"),
            lambda grant: trouble(grant.gate, "Azure answered 503"),
            lambda grant: make_overdue(grant, seconds=30),
            lambda grant: make_overdue(grant, seconds=90),
        ],
        ids=["outstanding", "gate in trouble", "closing", "overdue"],
    )
    def test_what_changed_is_sent(self, change, cast: Cast, opened: Grant, browser: Browser):
        alice, path = browser(cast.alice), page(opened.access_request, "request-live")
        mark = alice.get(path)["ETag"]
        change(opened)
        assert alice.get(path, headers={"If-None-Match": mark}).status_code == 200

    def test_polling_stops_when_all_is_over(self, cast: Cast, opened: Grant, browser: Browser):
        alice = browser(cast.alice)
        path = page(opened.access_request, "request-live")
        assert 'hx-trigger="every 30s"' in alice.get(path).content.decode()
        make_closed(opened, opened=True)
        assert "hx-trigger" not in alice.get(path).content.decode()

    def test_the_decision_box_goes_when_somebody_else_decided(self, cast: Cast, vm, browser):
        asked = ask(vm, by=cast.alice)
        bob, path = browser(cast.bob), page(asked, "request-live")
        assert 'id="decision"' not in bob.get(path).content.decode()  # a comment may be half typed
        approve(asked, by=cast.bob)
        html = bob.get(path).content.decode()
        assert 'id="decision"' in html
        assert page(asked, "request-approve") not in html

    def test_a_poll_after_signing_out_leads_to_the_sign_in(self, cast: Cast, vm, client):
        asked = ask(vm, by=cast.alice)
        response = client.get(page(asked, "request-live"), headers={"HX-Request": "true"})
        assert response.status_code == 204
        assert json.loads(response["HX-Trigger"]) == {"signed-out": {"to": "/sign-in/"}}


class TestEnding:
    def test_alice_ends_her_access_after_confirming(self, cast: Cast, opened, browser: Browser):
        alice, path = browser(cast.alice), reverse("grant-end", args=[opened.pk])
        assert "cannot be taken back" in words(alice.get(path))
        assert not EndOrder.objects.exists()
        response = alice.post(path, {"reason": "done"})
        assert (response.status_code, response.url) == (302, page(opened.access_request))
        assert EndOrder.objects.get().reason == "done"
        text = words(alice.get(page(opened.access_request)))
        assert "Its end was ordered" in text
        assert "End now" not in text

    def test_what_is_closed_is_a_conflict(self, cast: Cast, opened, browser: Browser):
        make_closed(opened, opened=True)
        response = browser(cast.alice).post(reverse("grant-end", args=[opened.pk]))
        assert response.status_code == 409

    def test_an_approver_sees_but_may_not_end(self, cast: Cast, opened, browser: Browser):
        path = reverse("grant-end", args=[opened.pk])
        assert browser(cast.bob).get(path).status_code == 403
        assert browser(cast.bob).post(path).status_code == 403
        assert browser(cast.charlie).post(path).status_code == 404
        assert browser(cast.dana).post(path, {"reason": "Left us"}).status_code == 302

    def test_the_ledger_names_who(self, cast: Cast, opened, browser: Browser):
        browser(cast.dana).post(reverse("grant-end", args=[opened.pk]), {"reason": "audit"})
        line = LedgerEntry.objects.get(event="grant.revoked")
        assert line.actor_name == "Dana"


def test_withdrawing(cast: Cast, vm: Machine, browser: Browser):
    asked = ask(vm, by=cast.alice)
    response = browser(cast.alice).post(page(asked, "request-withdraw"), follow=True)
    assert "was withdrawn" in words(response)
    assert browser(cast.bob).post(page(asked, "request-withdraw")).status_code == 403
