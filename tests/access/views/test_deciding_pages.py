"""Deciding in the browser: what is shown, less time, changed requests, signing in anew."""

from __future__ import annotations

from datetime import timedelta
from http.cookies import SimpleCookie

import pytest
from django.test import Client

from access import services
from access.clock import db_now
from access.models import AccessRequest, Decision, Grant, LedgerEntry, Person, PersonRole, Role
from tests.access.views.conftest import Browser, make_open
from tests.access.views.test_request_page import page, strip, words
from tests.support import estate
from tests.support.cast import Cast, approve, approved, ask, person
from tests.support.ruling import TWO_STAGES, one_approver, put_in_force


def shown(asked: AccessRequest, **more: object) -> dict[str, object]:
    return {"terms_digest": asked.terms_digest, "revision": asked.revision, **more}


def change(asked: AccessRequest, cast: Cast, **changes: object) -> None:
    words_of = {"minutes": asked.duration_minutes, "start": asked.asked_start}
    words_of |= {"reason": asked.reason, "ticket": asked.ticket}
    new = services.Words(**(words_of | changes))  # type: ignore[arg-type]
    services.change(asked, new, by=cast.alice, revision=asked.revision)


def test_no_link_chooses_a_decision(cast: Cast, vm, browser: Browser):
    """X-25."""
    asked = ask(vm, by=cast.alice)
    bob = browser(cast.bob)
    plain = strip(bob.get(page(asked)))
    query = {"decision": "approve", "minutes": "30", "comment": "yes"}
    tempted = strip(bob.get(page(asked), query))
    assert clean(plain) == clean(tempted)


def clean(html: str) -> list[str]:
    """Without what differs from load to load."""
    unlike = ('name="key"', "csrfmiddlewaretoken", "/theme/", "Printed", "data-now", 'name="next"')
    return [line for line in html.splitlines() if not any(part in line for part in unlike)]


class TestLessTime:
    def test_is_what_is_opened(self, cast: Cast, vm, browser: Browser):
        asked = ask(vm, by=cast.alice, minutes=120)
        bob = browser(cast.bob)
        bob.post(page(asked, "request-approve"), shown(asked, minutes="60"))
        grant = asked.grants.get()
        assert grant.ends_at - grant.starts_at == timedelta(hours=1)
        assert "1 h, shortened from 2 h" in words(bob.get(page(asked)))

    def test_may_be_typed(self, cast: Cast, vm, browser: Browser):
        asked = ask(vm, by=cast.alice, minutes=120)
        sent = shown(asked, minutes="custom", custom_minutes="45")
        browser(cast.bob).post(page(asked, "request-approve"), sent)
        asked.refresh_from_db()
        assert asked.approved_minutes == 45

    def test_is_never_more(self, cast: Cast, vm, browser: Browser):
        asked = ask(vm, by=cast.alice, minutes=60)
        bob = browser(cast.bob)
        for sent in ({"minutes": "120"}, {"minutes": "custom", "custom_minutes": "61"}):
            response = bob.post(page(asked, "request-approve"), shown(asked, comment="x", **sent))
            assert response.status_code == 400
            assert "There is a problem" in words(response)
        assert "only shorten it" in words(response)
        asked.refresh_from_db()
        assert asked.state == "pending"

    def test_without_a_number_says_so(self, cast: Cast, vm, browser: Browser):
        asked = ask(vm, by=cast.alice, minutes=60)
        sent = shown(asked, minutes="custom")
        response = browser(cast.bob).post(page(asked, "request-approve"), sent)
        assert "Type how many minutes you agree to." in words(response)


def test_denying_without_a_reason_keeps_all_that_was_chosen(cast: Cast, vm, browser: Browser):
    asked = ask(vm, by=cast.alice, minutes=120)
    sent = shown(asked, comment=" ", minutes="custom", custom_minutes="45")
    html = browser(cast.bob).post(page(asked, "request-deny"), sent).content.decode()
    assert "Say why" in html
    assert 'name="minutes" value="custom" checked' in html
    assert 'value="45"' in html


class TestWhatChanged:
    def test_is_told_to_whoever_had_an_older_page(self, cast: Cast, vm, browser: Browser):
        """X-09."""
        asked = ask(vm, by=cast.alice)
        old = shown(asked, comment="Fine with me")
        change(asked, cast, minutes=60, reason="Disk is full, and so is the log")
        response = browser(cast.bob).post(page(asked, "request-approve"), old)
        text = words(response)
        assert response.status_code == 409
        assert "Since you looked:" in text
        assert "Length : 30 min → 1 h" in text
        assert "Reason : Disk is full → Disk is full, and so is the log" in text
        assert "Fine with me" in text
        asked.refresh_from_db()
        assert (asked.state, Decision.objects.count()) == ("pending", 0)
        assert asked.terms_digest in response.content.decode()

    def test_is_told_also_to_whose_turn_it_was(self, cast: Cast, vm, browser: Browser):
        """The change sent it back to the first stage."""
        person("Carol", Role.APPROVER)
        sven = person("Sven", Role.APPROVER)
        put_in_force(TWO_STAGES)
        asked = ask(vm, by=cast.alice)
        approve(asked, by=cast.bob)
        asked.refresh_from_db()
        old = shown(asked)
        change(asked, cast, minutes=60)
        response = browser(sven).post(page(asked, "request-approve"), old)
        assert response.status_code == 409
        assert "Length : 30 min → 1 h" in words(response)
        assert Decision.objects.filter(dismissed_at__isnull=True).count() == 0

    def test_stands_in_the_story(self, cast: Cast, vm, browser: Browser):
        asked = ask(vm, by=cast.alice)
        change(asked, cast, minutes=60)
        assert "Alice changed the request" in words(browser(cast.bob).get(page(asked)))

    def test_a_page_left_open_hears_of_it(self, cast: Cast, vm, browser: Browser):
        asked = ask(vm, by=cast.alice)
        bob, there = browser(cast.bob), page(asked, "request-live")
        assert "changed since you opened" not in words(bob.get(there, {"shown": "1"}))
        change(asked, cast, minutes=60)
        assert "changed since you opened" in words(bob.get(there, {"shown": "1"}))


class TestStages:
    def test_progress_is_shown(self, cast: Cast, vm, browser: Browser):
        person("Carol", Role.APPROVER)
        sven = person("Sven", Role.APPROVER)
        put_in_force(TWO_STAGES)
        asked = ask(vm, by=cast.alice)
        response = browser(cast.bob).post(page(asked, "request-approve"), shown(asked), follow=True)
        text = words(response)
        assert f"You approved {asked.reference}. It needs more approvals" in text
        assert "Payments Done 1 of 1 approval: Bob," in text
        assert "Security Waits now 0 of 1 approval" in text
        assert page(asked, "request-approve") not in response.content.decode()
        assert "Stage 2 of 2: Security" in words(browser(sven).get("/approvals/"))

    def test_who_approved_stays_readable(self, cast: Cast, opened: Grant, browser: Browser):
        text = words(browser(cast.alice).get(page(opened.access_request)))
        assert "Approver 1 of 1 approval: Bob," in text


class TestBackground:
    def test_the_same_machine_comes_first(self, cast: Cast, vm, browser: Browser):
        same = approved(vm, by=cast.alice, approver=cast.bob).access_request
        other = ask(estate.machine("vm-other"), by=cast.alice)
        now = ask(vm, by=cast.alice)
        text = words(browser(cast.bob).get(page(now))).split("Alice lately")[1]
        assert text.index(same.reference) < text.index(other.reference)

    def test_who_else_is_there_is_said(self, cast: Cast, vm, browser: Browser):
        theirs = make_open(approved(vm, by=cast.alan, approver=cast.bob)).access_request
        asked = ask(vm, by=cast.alice)
        text = words(browser(cast.bob).get(page(asked)))
        assert "Alan has vm-app-01 open until" in text
        assert theirs.reference in text

    def test_the_requester_is_not_shown_it(self, cast: Cast, vm, browser: Browser):
        make_open(approved(vm, by=cast.alan, approver=cast.bob))
        asked = ask(vm, by=cast.alice)
        assert "Alan" not in words(browser(cast.alice).get(page(asked)))


class TestStates:
    def test_blocked(self, cast: Cast, vm, browser: Browser):
        PersonRole.objects.filter(role="approver").delete()
        asked = ask(vm, by=cast.alice)
        text = words(browser(cast.alice).get(page(asked)))
        assert "No eligible approver" in text
        assert "Administrators were told" in text
        assert "No eligible approver" in words(browser(cast.alice).get("/requests/"))

    def test_held(self, cast: Cast, vm, browser: Browser):
        asked = approved(vm, by=cast.alice, approver=cast.bob).access_request
        AccessRequest.objects.filter(pk=asked.pk).update(
            hold="Bob is no approver any more", held_at=db_now(), revision=2,
            lapses_at=db_now() + timedelta(minutes=30),
        )  # fmt: skip
        for path in (page(asked), "/", "/requests/"):
            assert "Needs re-approval" in words(browser(cast.alice).get(path)), path
        assert "no approver any more" in words(browser(cast.alice).get(page(asked)))

    def test_a_question_waits(self, cast: Cast, vm, browser: Browser):
        asked = ask(vm, by=cast.alice)
        AccessRequest.objects.update(asked_back_at=db_now())
        assert "Waits for an answer" in words(browser(cast.alice).get(page(asked)))


@pytest.fixture
def careful(db: None) -> None:
    put_in_force(one_approver(step_up=True))


@pytest.mark.usefixtures("careful")
class TestSigningInAnew:
    AGAIN = "/sign-in/again/"

    def test_comes_before_the_approval(self, cast: Cast, vm, browser: Browser, settings):
        settings.ACCESS_DEMO_SIGN_IN = True
        asked, bob = ask(vm, by=cast.alice, minutes=120), browser(cast.bob)
        sent = shown(asked, comment="Go on", minutes="60", custom_minutes="")
        response = bob.post(page(asked, "request-approve"), sent)
        assert response.url == page(asked, "request-confirm")
        assert not Decision.objects.exists()
        text = words(bob.get(response.url))
        assert "Sign in anew" in text
        assert "1 h, of 2 h that were asked for" in text
        back = {"person": cast.bob.object_id, "next": response.url}
        assert bob.post(self.AGAIN, back).url == response.url
        html = bob.get(response.url).content.decode()
        assert f"Approve {asked.reference}" in html
        assert "Go on" in html
        bob.post(page(asked, "request-approve"), sent)
        decision = Decision.objects.get()
        assert (decision.minutes, decision.comment) == (60, "Go on")
        assert decision.confirmed_at is not None

    def test_leaves_no_refusal_in_the_ledger(self, cast: Cast, vm, browser: Browser):
        asked = ask(vm, by=cast.alice)
        browser(cast.bob).post(page(asked, "request-approve"), shown(asked))
        assert not LedgerEntry.objects.filter(event__endswith=".refused").exists()

    def test_another_persons_click_is_refused(self, cast: Cast, vm, browser: Browser, settings):
        settings.ACCESS_DEMO_SIGN_IN = True
        asked, bob = ask(vm, by=cast.alice), browser(cast.bob)
        response = bob.post(self.AGAIN, {"person": cast.dana.object_id, "next": "/"})
        assert response.status_code == 403
        assert LedgerEntry.objects.filter(event="person.confirm.refused").count() == 1
        response = bob.post(page(asked, "request-approve"), shown(asked))
        assert response.url == page(asked, "request-confirm")

    def test_is_of_no_use_to_who_took_the_session(self, cast: Cast, browser: Browser, settings):
        """ASVS 7.2.4: whoever signs in anew goes on under a new key, the old one is nobody's."""
        settings.ACCESS_DEMO_SIGN_IN = True
        bob, thief = browser(cast.bob), Client()
        thief.cookies = SimpleCookie(bob.cookies.output(header="", sep=";"))
        assert thief.get("/").status_code == 200
        assert bob.post(self.AGAIN, {"person": cast.bob.object_id, "next": "/"}).url == "/"
        assert bob.get("/").status_code == 200
        assert thief.get("/").status_code == 302

    def test_counts_for_five_minutes(self, cast: Cast, vm, browser: Browser):
        asked, bob = ask(vm, by=cast.alice), browser(cast.bob)
        confirmed(bob, minutes_ago=6)
        response = bob.post(page(asked, "request-approve"), shown(asked))
        assert response.url == page(asked, "request-confirm")
        confirmed(bob, minutes_ago=4)
        assert bob.post(page(asked, "request-approve"), shown(asked)).url == page(asked)

    @pytest.mark.parametrize("said", ["", "soon", "2026-01-01T00:00:00", 7, None])
    def test_what_is_no_moment_counts_for_nothing(self, said, cast: Cast, vm, browser: Browser):
        asked, bob = ask(vm, by=cast.alice), browser(cast.bob)
        session = bob.session
        session["confirmed_at"] = said
        session.save()
        response = bob.post(page(asked, "request-approve"), shown(asked))
        assert response.url == page(asked, "request-confirm")

    def test_does_not_exist_outside_the_demo(self, cast: Cast, vm, browser: Browser, settings):
        settings.ACCESS_DEMO_SIGN_IN = False
        bob = browser(cast.bob)
        assert bob.post(self.AGAIN, {"person": cast.bob.object_id}).status_code == 404
        assert "not configured here yet" in words(bob.get(self.AGAIN))

    def test_leads_nowhere_else(self, cast: Cast, vm, browser: Browser, settings):
        settings.ACCESS_DEMO_SIGN_IN = True
        sent = {"person": cast.bob.object_id, "next": "//evil.test/"}
        assert browser(cast.bob).post(self.AGAIN, sent).url == "/"

    def test_its_page_is_for_what_was_shown(self, cast: Cast, vm, browser: Browser):
        """Changed meanwhile, decided meanwhile, or never asked: back to the request."""
        asked, bob = ask(vm, by=cast.alice), browser(cast.bob)
        there = page(asked, "request-confirm")
        assert bob.get(there).url == page(asked)
        bob.post(page(asked, "request-approve"), shown(asked))
        assert bob.get(there).status_code == 200
        change(asked, cast, minutes=60)
        assert bob.get(there).url == page(asked)

    def test_is_not_asked_of_who_may_not_decide(self, cast: Cast, vm, browser: Browser):
        asked = ask(vm, by=cast.alice)
        response = browser(cast.erin).post(page(asked, "request-approve"), shown(asked))
        assert response.status_code == 403

    def test_is_not_needed_to_deny(self, cast: Cast, vm, browser: Browser):
        asked = ask(vm, by=cast.alice)
        browser(cast.bob).post(page(asked, "request-deny"), shown(asked, comment="No"))
        asked.refresh_from_db()
        assert asked.state == "denied"


def confirmed(client, *, minutes_ago: int) -> None:
    session = client.session
    session["confirmed_at"] = (db_now() - timedelta(minutes=minutes_ago)).isoformat()
    session.save()


def test_an_approved_page_of_somebody_else_keeps_no_form(cast: Cast, vm, browser: Browser):
    asked = ask(vm, by=cast.alice)
    approve(asked, by=cast.bob)
    carol: Person = person("Carol", Role.APPROVER)
    assert page(asked, "request-approve") not in browser(carol).get(page(asked)).content.decode()
