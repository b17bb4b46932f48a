"""What strangers, thieves and other sites try with a vendor's visit, and what it must not cost."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from access.clock import db_now
from access.models import Grant, LedgerEntry, Notice
from access.presenters import lines
from access.presenters.lines import lines_of
from links.models import Invitation, VendorBrowser, VendorCode, VendorContact
from links.sponsoring.contacts import block
from links.sponsoring.inviting import invite_again
from links.sponsoring.presenters import visit_panel
from links.sponsoring.presenters.visit_panel import VisitPanel
from links.visiting import codes, evidence, guessing, handing, wishing
from links.visiting.caller import Caller
from links.visiting.errors import Refusal
from links.visiting.standing import Stage, standing_of
from tests.support.cast import Cast
from tests.support.estate import machine
from tests.support.visiting import (
    FROM_ELSEWHERE,
    FROM_HOME,
    asks,
    at_the_door,
    code_for,
    comes_in,
    gives,
    invited,
    opened,
    token_of,
    wrong,
)

pytestmark = pytest.mark.django_db
HOME = {"REMOTE_ADDR": FROM_HOME.address}
STRANGER = Caller("203.0.113.66", "somebody's script")


@pytest.fixture(autouse=True)
def _nobody_guessed_yet() -> None:
    cache.clear()


@pytest.fixture
def invitation(cast: Cast) -> Invitation:
    return opened(invited(machine(), cast))


@pytest.fixture
def apart(settings: Any) -> None:
    settings.VENDOR_URL = "https://visit.example.test"
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "visit.example.test"]


PAGES = ("session", "terms", "finish", "more-time", "left")
HOSTS = ["visit.example.test.", "visit.example.test:8443", "VISIT.example.test:443"]


@pytest.mark.parametrize(
    "host", [*HOSTS, "visit.example.test:99999", f"visit.example.test:{'9' * 5000}"]
)
def test_no_spelling_of_the_vendors_host_leads_to_the_portal(host: str, apart: None) -> None:
    """Where a proxy lets the world in at that name alone, it was a way to the sign-in; and a port
    that cannot be broke every page, also the one that says so."""
    for path, status in {"/sign-in/": 404, "/api/v1/me/": 404, "/visit/left/": 200}.items():
        assert Client().get(path, headers={"Host": host}).status_code == status
    assert Client().get("/sign-in/", headers={"Host": "testserver:99999"}).status_code == 200


NEXT = [
    "/visit/\r\nSet-Cookie: a=b",
    "/visit/\0",
    "/visit/日本",
    "/visit/..//evil.test",
    "/visit/\\e",
]


@pytest.mark.parametrize("wanted", [*NEXT, f"/visit/{'a' * 9000}", "/visit/?next=//evil.test"])
def test_a_language_is_chosen_on_a_page_of_ours_or_on_none(wanted: str) -> None:
    """A line break in it was an error of the server; what is no address of ours led there."""
    chosen = Client().post("/visit/language/", {"language": "de", "next": wanted})
    assert (chosen.status_code, chosen.headers["Location"]) == (303, "/visit/left/")
    assert chosen.cookies["visit-language"].value == "de"


def test_a_language_is_chosen_on_the_mailed_page(invitation: Invitation) -> None:
    mailed = f"/visit/{token_of(invitation)}/"
    chosen = Client().post("/visit/language/", {"language": "de", "next": mailed})
    assert chosen.headers["Location"] == mailed


def test_another_site_signs_nobody_out(invitation: Invitation) -> None:
    """Where it leads here, the strict cookie is not sent; the answer took it away all the same."""
    led_here = Client(**HOME).get("/visit/session/")
    assert led_here.status_code == 403
    assert "visit" not in led_here.cookies
    stale = Client(**HOME)
    stale.cookies["visit"] = "x" * 43
    assert stale.get("/visit/session/").cookies["visit"].value == ""


def test_another_sites_pictures_keep_nobody_from_their_invitation(
    invitation: Invitation, cast: Cast
) -> None:
    """A page with twenty of them, seen by the vendor or by anybody in their network."""
    client = Client(**HOME)
    for number in range(guessing.MOST_OF_NETWORK + 5):
        client.get(f"/visit/picture-{number}/")
    assert client.get("/visit/picture/").status_code == 429
    token = token_of(invitation)
    assert client.get(f"/visit/{token}/").status_code == 200
    assert client.post(f"/visit/{token}/code/").headers["Location"] == "/visit/code/"


def test_who_guesses_cannot_tell_a_replaced_address_from_none(invitation: Invitation) -> None:
    client, token = Client(**HOME), token_of(invitation)
    invitation.keys.update(void_at=db_now())
    for number in range(guessing.MOST_OF_NETWORK):
        client.get(f"/visit/guess-{number}/")
    void, none = (client.get(f"/visit/{each}/") for each in (token, "bav_abcdefgh_" + "B" * 43))
    assert (void.status_code, void.content) == (429, none.content)


def test_an_invitation_that_is_sent_again_is_free_of_what_strangers_did(
    invitation: Invitation, cast: Cast
) -> None:
    """With a forwarded address they used up the letters and the tries, and the vendor had to wait
    for both although the sponsor had replaced it."""
    stranger = asks(invitation, caller=STRANGER)
    for _ in range(codes.MOST_WRONG):
        if Invitation.objects.get().wrong_codes % codes.MOST_TRIES == 0:
            right = _next_code(invitation, stranger)
        with pytest.raises(Refusal):
            gives(stranger, wrong(right))
    with pytest.raises(Refusal, match="locked"):
        asks(invitation)
    theirs = VendorCode.objects.latest("pk")
    invite_again(invitation, seen=1, by=cast.alice)
    assert codes.make(theirs.pk) is None  # its letter may still be waiting
    comes_in(Invitation.objects.get())


def _next_code(invitation: Invitation, stranger: Any) -> str:
    asks(invitation, cookie=stranger.cookie, caller=STRANGER)
    return code_for(stranger)


def test_who_came_by_an_address_that_is_just_replaced_gets_no_code(
    invitation: Invitation, cast: Cast
) -> None:
    """Read before, acted upon after: a browser of theirs would have outlived the replacing."""
    seen_before = Invitation.objects.get()
    invite_again(invitation, seen=1, by=cast.alice)
    letters = Notice.objects.filter(event="visit.code").count()
    with pytest.raises(Refusal, match="signed-out"):
        codes.ask(seen_before, cookie="", caller=STRANGER)
    assert not VendorBrowser.objects.exists()
    assert Notice.objects.filter(event="visit.code").count() == letters


def test_opening_without_end_does_not_fill_the_ledger(
    invitation: Invitation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is a line, and every other line waits for it, that of a closing door included."""
    monkeypatch.setattr(handing, "MOST", 5)
    visitor = at_the_door(invitation)
    for _ in range(5):
        handing.hand_over(visitor.browser, 1, visitor.caller)
    for _ in range(60):
        with pytest.raises(Refusal, match="too-often") as caught:
            handing.hand_over(visitor.browser, 1, visitor.caller)
    assert 0 < caught.value.facts["wait"] <= handing.WITHIN.total_seconds()
    lines = LedgerEntry.objects.filter(event__startswith="vendor.hand")
    assert lines.filter(outcome="success").count() == 5
    assert lines.filter(outcome="denied").count() <= 30


def test_who_is_blocked_under_one_address_of_a_mailbox_opens_nothing_under_another(
    invitation: Invitation, cast: Cast
) -> None:
    """Their codes come to the same person."""
    visitor = at_the_door(invitation)
    name, _, domain = invitation.mail.partition("@")
    known = VendorContact.objects.get()
    known.pk, known.mail, known.mail_key = None, f"{name}+x@{domain}", f"{name}+x@{domain}"
    known.save()
    block(known, why="Sold what they saw.", by=cast.dana)
    assert standing_of(invitation, db_now()).stage == Stage.REVOKED
    with pytest.raises(Refusal, match="revoked"):
        handing.hand_over(visitor.browser, 1, visitor.caller)
    with pytest.raises(Refusal, match="revoked"):
        asks(invitation, caller=FROM_ELSEWHERE)


@pytest.mark.parametrize("language", ["de", "fr", "es", "ja"])
def test_no_page_breaks_in_a_language(language: str, invitation: Invitation) -> None:
    """One placeholder that a translation has otherwise takes the page, and the way in with it."""
    coming, inside = Client(**HOME), Client(**HOME)
    coming.cookies["visit"] = asks(invitation).cookie
    inside.cookies["visit"] = at_the_door(invitation).cookie
    token = token_of(invitation)
    for client in (coming, inside):
        client.cookies["visit-language"] = language
    pages = [
        (coming.get(f"/visit/{token}/"), 200),
        (coming.get("/visit/code/"), 200),
        (coming.post("/visit/code/", {"code": ""}), 400),
        (coming.post("/visit/code/", {"code": "1234"}), 400),
        *((inside.get(f"/visit/{name}/"), 200) for name in PAGES),
        (inside.post("/visit/open/", {"number": "9"}), 409),
        (inside.post("/visit/more-time/", {}), 400),
        (inside.post("/visit/more-time/", {"minutes": "60", "why": "x" * 501}), 400),
        (Client(HTTP_ACCEPT_LANGUAGE=language).get("/visit/nowhere/"), 404),
        (Client(HTTP_ACCEPT_LANGUAGE=language).get("/visit/session/"), 403),
    ]
    pages += _when_told(inside)
    for answer, status in pages:
        said = answer.content.decode()
        assert answer.status_code == status, said
        assert f'<html lang="{language}"' in said
        assert "%(" not in said


def _when_told(inside: Client) -> list[tuple[Any, int]]:
    """After a wish, and after the end."""
    inside.post("/visit/more-time/", {"minutes": "60", "why": "Not done yet."})
    waits = [(inside.get(f"/visit/{name}/"), 200) for name in ("session", "more-time")]
    inside.post("/visit/finish/")
    return [*waits, (inside.get("/visit/session/"), 200)]


def panel_of(invitation: Invitation, cast: Cast) -> VisitPanel | None:
    asked = invitation.access_request
    links = list(Grant.objects.filter(access_request=asked, kind="link"))
    return visit_panel.panel_for(asked, links, cast.alice, db_now(), lines_of(asked))


def test_whoever_has_the_address_hides_nothing_from_its_sponsor(
    invitation: Invitation, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wish that waits, the session that was opened and the letter's fate were pushed off the
    page by lines and letters that anybody could cause."""
    monkeypatch.setattr(lines, "MOST", 10)
    monkeypatch.setattr(visit_panel, "MOST_TRACES", 10)
    monkeypatch.setattr(visit_panel, "MOST_LETTERS", 2)
    visitor = at_the_door(invitation)
    handing.hand_over(visitor.browser, 1, visitor.caller)
    wishing.wish(visitor.browser, minutes=60, why="Not done yet.", caller=visitor.caller)
    asks(invitation, caller=STRANGER)
    for number in range(20):
        evidence.landed(invitation, Caller("203.0.113.66", f"script {number}"), "GET")
    asks(invitation, caller=STRANGER)
    with pytest.raises(Refusal, match="too-often"):
        asks(invitation, caller=STRANGER)
    panel = panel_of(invitation, cast)
    assert panel is not None
    assert panel.waiting is not None
    assert panel.letter is not None
    assert panel.hand_offs.times == 1
    assert [trace.entry.seq for trace in panel.traces] == sorted(t.entry.seq for t in panel.traces)


def test_evidence_is_the_same_when_the_page_has_not_read_all_of_it(
    invitation: Invitation, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    handing.hand_over(at_the_door(invitation).browser, 1, FROM_HOME)
    whole = panel_of(invitation, cast)
    monkeypatch.setattr(lines, "MOST", 3)
    parts = panel_of(invitation, cast)
    assert whole is not None
    assert parts is not None
    assert whole.hand_offs.times == 1
    assert len(whole.traces) > 3
    assert replace(whole, now=parts.now) == parts


def test_whoever_has_the_address_hides_not_who_approved(
    invitation: Invitation, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The story of a request ends somewhere, and anybody could have it end before it began."""
    monkeypatch.setattr(lines, "MOST", 20)
    for number in range(25):
        evidence.landed(invitation, Caller("203.0.113.66", f"script {number}"), "GET")
    client = Client()
    client.force_login(cast.alice)
    page = client.get(f"/requests/{invitation.access_request.reference}/")
    steps = [(step.who, step.what) for step in page.context["steps"]]
    assert (cast.bob.display_name, "approved the request") in steps


def test_a_first_click_that_is_two_is_one_browser_and_one_letter(cast: Cast) -> None:
    """With two, the code of the first letter would be wrong in the browser that asked for it."""
    invitation = opened(invited(machine(), cast))
    client, path = Client(), f"/visit/{token_of(invitation)}/"
    once = re.search(r'name="once" value="([^"]+)"', client.get(path).content.decode())
    assert once
    answers = [Client().post(f"{path}code/", {"once": once[1]}) for _ in range(2)]
    cookies = {answer.cookies[settings.VENDOR_COOKIE_NAME].value for answer in answers}
    assert len(cookies) == 1
    assert once[1] not in cookies
    assert invitation.codes.count() == 1
    assert Notice.objects.filter(event="visit.code").count() == 1
    other = opened(invited(machine("vm-other"), cast, vendor_mail="else@vendor.test"))
    there = Client().post(f"/visit/{token_of(other)}/code/", {"once": once[1]})
    assert there.cookies[settings.VENDOR_COOKIE_NAME].value not in cookies
