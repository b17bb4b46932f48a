"""The vendor's pages over HTTP: what they say, what they change, and what they keep quiet."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from access import services
from access.clock import db_now
from access.models import Grant, LedgerEntry, Notice
from links.models import Invitation, VendorBrowser, VendorCode
from tests.support import estate
from tests.support.cast import Cast, be_seen
from tests.support.visiting import (
    BASTION_PAGE,
    Visitor,
    accepts_terms,
    asks,
    at_the_door,
    code_for,
    comes_in,
    invited,
    link_of,
    opened,
    token_of,
    wrong,
)

pytestmark = pytest.mark.django_db
HOME = {"REMOTE_ADDR": "198.51.100.7"}
ELSEWHERE = {"REMOTE_ADDR": "203.0.113.9"}


@pytest.fixture(autouse=True)
def _nobody_guessed_yet() -> None:
    cache.clear()


@pytest.fixture
def invitation(cast: Cast) -> Invitation:
    be_seen()
    return opened(invited(estate.machine("vm-billing-prod-01"), cast))


def browser(visitor: Visitor | None = None, **address: Any) -> Client:
    client = Client(**(address or HOME))
    if visitor is not None:
        client.cookies["visit"] = visitor.cookie
    return client


def text(answer: Any) -> str:
    """What is read of a page."""
    body = re.sub(r"<(script|style).*?</\1>", "", answer.content.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_the_landing_says_whose_it_is_and_how_long(invitation: Invitation):
    page = browser().get(f"/visit/{token_of(invitation)}/")
    said = text(page)
    assert page.status_code == 200
    for words in ("Billing server", "Alice", "V. Technician, Vendor Ltd", "Send me a code", "UTC"):
        assert words in said
    assert "t•••@vendor.test" in said
    assert "CET" in said or "CEST" in said  # the vendor's zone is Berlin


def test_no_inner_name_is_said_to_a_vendor(invitation: Invitation):
    door = at_the_door(invitation)
    client, machine = browser(door), link_of(invitation).machine
    pages = [
        f"/visit/{token_of(invitation)}/",
        "/visit/session/",
        "/visit/terms/",
        "/visit/finish/",
    ]
    for page in (*pages, "/visit/more-time/"):
        answer = client.get(page)
        assert answer.status_code == 200
        for inner in (machine.name, machine.resource_group, invitation.access_request.reference):
            assert inner not in answer.content.decode()


def test_a_scanner_that_follows_every_link_changes_nothing(invitation: Invitation):
    """X-21: no code, no browser, no notice; a line that somebody came, and no cookie of ours."""
    token = token_of(invitation)
    notices = Notice.objects.count()
    client = browser()
    first = client.get(f"/visit/{token}/")
    links = set(re.findall(r'(?:href|action)="(/visit/[^"]*)"', first.content.decode()))
    for link in links | {f"/visit/{token}/", f"/visit/{token}/code/"}:
        for method in ("get", "head"):
            answer = getattr(client, method)(link)
            assert "visit" not in answer.cookies
    assert not VendorCode.objects.exists()
    assert not VendorBrowser.objects.exists()
    assert Notice.objects.count() == notices
    lines = LedgerEntry.objects.filter(event__startswith="vendor.landed")
    assert lines.count() == 1


def test_head_is_the_same_without_a_body(invitation: Invitation):
    token, client = token_of(invitation), browser()
    got, head = client.get(f"/visit/{token}/"), client.head(f"/visit/{token}/")
    assert (head.status_code, head.content) == (got.status_code, b"")
    same = ("Cache-Control", "Referrer-Policy", "Content-Security-Policy", "Content-Type")
    assert [head.headers[name] for name in same] == [got.headers[name] for name in same]


WRONG = [
    "/visit/bav_abcdefgh_{secret}/",
    "/visit/nonsense/",
    "/visit/",
    "/visit/a/b/c/",
    "/visit/open/further/",
    "/visit/..%2f/",
]


def test_whatever_is_no_address_is_answered_alike(invitation: Invitation):
    """X-37: a voided address, a guessed one and a mistyped one cannot be told apart."""
    voided = token_of(invitation)
    invitation.keys.update(void_at=db_now())
    answers = [browser().get(path.format(secret="A" * 43)) for path in WRONG]
    answers.append(browser().get(f"/visit/{voided}/"))
    answers.append(browser().post(f"/visit/{voided}/code/"))
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    told = [
        {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}
        for answer in answers
    ]
    assert all(each == told[0] for each in told)
    assert not any(answer.cookies for answer in answers)


def test_guessing_is_throttled_and_told(invitation: Invitation):
    """X-37: after twenty wrong ones of a network the next waits, whatever is wrong with it."""
    token, guesser = token_of(invitation), browser(**ELSEWHERE)
    for number in range(20):
        assert guesser.get(f"/visit/bav_abcdefgh_{number:043d}/").status_code == 404
    waits = [guesser.get(f"/visit/{each}/") for each in ("x", "bav_abcdefgh_" + "B" * 43)]
    assert {answer.status_code for answer in waits} == {429}
    assert waits[0].content == waits[1].content
    assert browser().get(f"/visit/{token}/").status_code == 200
    assert Notice.objects.filter(event="vendor.guessing").exists()
    assert LedgerEntry.objects.filter(event="vendor.guessed", outcome="denied").count() == 1


def test_from_the_address_to_the_session(invitation: Invitation):
    """Landing, code, terms with it, session: by what a browser without scripts sends."""
    client, token = browser(), token_of(invitation)
    client.get(f"/visit/{token}/")
    sent = client.post(f"/visit/{token}/code/")
    assert (sent.status_code, sent.headers["Location"]) == (303, "/visit/code/")
    cookie = sent.cookies["visit"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert int(cookie["max-age"]) <= 8 * 3600
    page = client.get("/visit/code/")
    assert 'autocomplete="one-time-code"' in page.content.decode()
    assert 'inputmode="numeric"' in page.content.decode()
    code = code_for(Visitor(invitation, cookie.value))
    hidden = dict(re.findall(r'name="(version|digest)" value="([^"]+)"', page.content.decode()))
    typed = {"code": f" {code[:4]} {code[4:]} ", "language": "en", **hidden}
    let_in = client.post("/visit/code/", typed)
    assert (let_in.status_code, let_in.headers["Location"]) == (303, "/visit/session/")
    assert let_in.cookies["visit"].value != cookie.value
    said = text(client.get("/visit/session/"))
    assert "Open session" in said
    assert "Alice reads it out on the phone" in said
    assert "Ends on" in said


def test_a_double_click_sends_one_code(invitation: Invitation):
    client, token = browser(), token_of(invitation)
    for _ in range(2):
        assert client.post(f"/visit/{token}/code/").status_code == 303
    assert VendorCode.objects.count() == 1


def test_who_is_let_in_already_needs_no_second_code(invitation: Invitation):
    client = browser(at_the_door(invitation))
    again = client.post(f"/visit/{token_of(invitation)}/code/")
    assert again.headers["Location"] == "/visit/session/"


def test_a_wrong_code_says_how_many_tries_are_left(invitation: Invitation):
    visitor = asks(invitation)
    client, right = browser(visitor), code_for(visitor)
    answer = client.post("/visit/code/", {"code": wrong(right)})
    assert answer.status_code == 400
    assert "You can try 4 more times." in text(answer)
    assert 'aria-invalid="true"' in answer.content.decode()
    assert wrong(right) not in answer.content.decode()
    assert "Enter the 8 digits" in text(client.post("/visit/code/", {"code": " "}))


def test_another_browser_needs_a_code_of_its_own(invitation: Invitation):
    """X-38: the address was forwarded, and the colleague gets as far as the question."""
    at_the_door(invitation)
    colleague, token = browser(**ELSEWHERE), token_of(invitation)
    assert colleague.get("/visit/session/").status_code == 403
    assert colleague.post("/visit/open/", {"number": "1"}).status_code == 403
    sent = colleague.post(f"/visit/{token}/code/")
    assert "t•••@vendor.test" in text(colleague.get("/visit/code/"))
    assert colleague.get("/visit/session/").headers["Location"] == "/visit/code/"
    letters = Notice.objects.filter(event="visit.code")
    assert {notice.contact for notice in letters} == {"technician@vendor.test"}
    assert sent.cookies["visit"].value


def test_a_browser_that_moves_is_told_of(invitation: Invitation):
    """X-38: two addresses in one window."""
    door = at_the_door(invitation)
    browser(door, **ELSEWHERE).get("/visit/session/")
    assert Notice.objects.filter(event="vendor.two_addresses").exists()


def test_the_hand_off_leaves_nothing_behind(invitation: Invitation, settings: Any):
    """X-46: no body, no referrer, no cache; and the page allows the form to lead there."""
    settings.VENDOR_BASTION_STAND_IN = ""
    client = browser(at_the_door(invitation))
    page = client.get("/visit/session/")
    policy = page.headers["Content-Security-Policy"]
    assert re.search(r"form-action [^;]*https://\*\.bastion\.azure\.com", policy)
    assert BASTION_PAGE not in page.content.decode()
    for _ in range(2):
        answer = client.post("/visit/open/", {"number": "1"})
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith(BASTION_PAGE)
        assert answer.content == b""
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "no-store" in answer.headers["Cache-Control"]
    line = LedgerEntry.objects.filter(event="vendor.handed_over").latest("seq")
    assert BASTION_PAGE not in str(line.data)
    other = client.get("/visit/terms/").headers["Content-Security-Policy"]
    assert "bastion.azure.com" not in other


def test_too_late_by_a_second_and_the_page_says_when_it_ended(invitation: Invitation):
    """X-42"""
    client = browser(at_the_door(invitation))
    now = db_now()
    Grant.objects.filter(access_request=invitation.access_request).update(
        starts_at=now - timedelta(hours=1), ends_at=now - timedelta(seconds=1)
    )
    answer = client.post("/visit/open/", {"number": "1"})
    assert answer.status_code == 409
    assert "Location" not in answer.headers
    assert "This access has ended" in text(answer)
    assert "It ended on" in text(answer)
    assert "It is being closed" in text(answer)
    assert LedgerEntry.objects.filter(event="vendor.hand_over.refused", outcome="denied").exists()


@pytest.mark.parametrize("number", ["", "0", "2", "-1", "²", "9" * 40, "\0"])
def test_there_is_no_other_door(invitation: Invitation, number: str):
    """X-48: a number is a doorway of one's own invitation or nothing."""
    answer = browser(at_the_door(invitation)).post("/visit/open/", {"number": number})
    assert answer.status_code == 409
    assert "Location" not in answer.headers


def test_terms_come_before_the_session(invitation: Invitation):
    client = browser(comes_in(invitation))
    assert client.get("/visit/session/").headers["Location"] == "/visit/terms/"
    assert client.post("/visit/open/", {"number": "1"}).headers["Location"] == "/visit/terms/"
    page = client.get("/visit/terms/").content.decode()
    hidden = dict(re.findall(r'name="(version|digest)" value="([^"]+)"', page))
    hidden["language"] = "en"
    stale = client.post("/visit/terms/", {**hidden, "digest": "0" * 64})
    assert stale.status_code == 409
    assert client.post("/visit/terms/", hidden).headers["Location"] == "/visit/session/"
    assert "You accepted these terms." in text(client.get("/visit/terms/"))


def test_being_finished_is_asked_once_and_said_plainly(invitation: Invitation):
    client = browser(at_the_door(invitation))
    assert "Are you finished?" in text(client.get("/visit/finish/"))
    assert not Grant.objects.filter(end_order__isnull=False).exists()
    for _ in range(2):
        assert client.post("/visit/finish/").headers["Location"] == "/visit/session/"
    said = text(client.get("/visit/session/"))
    assert "You are finished" in said
    assert "It is being closed" in said
    Grant.objects.update(state="closed", due_at=db_now(), closed_at=db_now(), close_reason="x")
    assert "the link is gone and nobody is connected" in text(client.get("/visit/session/"))


def test_more_time_is_asked_for_and_waits(invitation: Invitation):
    client = browser(at_the_door(invitation))
    wanting = client.post("/visit/more-time/", {"minutes": "60", "why": " "})
    assert wanting.status_code == 400
    assert "Say why you need more time." in text(wanting)
    assert re.search(r'value="60"\s+checked', wanting.content.decode())
    sent = client.post("/visit/more-time/", {"minutes": "60", "why": "The import runs late"})
    assert sent.headers["Location"] == "/visit/more-time/"
    assert "There is no answer yet" in text(client.get("/visit/more-time/"))
    client.post("/visit/more-time/", {"minutes": "60", "why": "The import runs late"})
    assert invitation.wishes.count() == 1


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("pending", "Alice asked for 1 h more for you"),
        ("approved", "You have more time"),
        ("denied", "You cannot have 1 h more"),
    ],
)
def test_what_became_of_a_wish(state: str, words: str, invitation: Invitation, cast: Cast):
    """The vendor reads where it stands, and nothing of what was said inside."""
    from links.models import MoreTimeAsk

    door, asked = at_the_door(invitation), invitation.access_request
    more = services.extend(
        asked, minutes=60, reason="Vendor is slow", key=uuid.uuid4(), by=cast.alice
    )
    MoreTimeAsk.objects.create(
        invitation=invitation, minutes=60, why="Late", at=db_now(), answered_at=db_now(),
        answered_by=cast.alice, access_request=more,
    )  # fmt: skip
    if state == "approved":
        services.approve(more, by=cast.bob, terms_digest=more.terms_digest)
    elif state == "denied":
        services.deny(more, by=cast.bob, terms_digest=more.terms_digest, comment="Not tonight")
    said = text(browser(door).get("/visit/session/"))
    assert words in said
    assert ("Ask for more time" in said) is (state != "pending")
    assert "Vendor is slow" not in said
    assert "Not tonight" not in said


def test_signed_out_is_signed_out(invitation: Invitation):
    client = browser(at_the_door(invitation))
    left = client.post("/visit/leave/")
    assert left.headers["Location"] == "/visit/left/"
    assert left.cookies["visit"].value == ""
    assert "Your access stays open" in text(client.get("/visit/left/"))
    assert client.get("/visit/session/").status_code == 403


STAGES = {
    "revoked": "This access was withdrawn",
    "held": "This access is on hold",
    "failed": "This access could not be opened",
}


@pytest.mark.parametrize("stage", STAGES)
def test_each_end_has_a_page(stage: str, invitation: Invitation, cast: Cast):
    door, token, now = at_the_door(invitation), token_of(invitation), db_now()
    mine = Grant.objects.filter(access_request=invitation.access_request)
    if stage == "revoked":
        from access.services.end import end

        end(link_of(invitation), by=cast.dana, reason="An incident")
    elif stage == "held":
        mine.update(state="scheduled", opened_at=None)
        invitation.access_request.hold = "Bob left."
        invitation.access_request.held_at = now
        invitation.access_request.save()
    else:
        mine.update(
            state="closed", opened_at=None, due_at=now, closed_at=now, close_reason="No room."
        )
    for page in (f"/visit/{token}/", "/visit/session/"):
        said = text(browser(door).get(page))
        assert STAGES[stage] in said
        for inner in ("An incident", "Bob left", "No room"):
            assert inner not in said


def test_before_its_time(cast: Cast):
    be_seen()
    start = db_now() + timedelta(hours=2)
    early = invited(estate.machine("vm-early"), cast, start=start)
    client, token = browser(), token_of(early)
    assert "It is too early" in text(client.get(f"/visit/{token}/"))
    assert client.post(f"/visit/{token}/code/").status_code == 409
    Grant.objects.update(starts_at=db_now() + timedelta(minutes=10))
    said = text(browser(at_the_door(early)).get("/visit/session/"))
    assert "Begins on" in said
    assert "Open session" not in said


def test_while_it_is_being_opened(invitation: Invitation):
    door = at_the_door(invitation)
    Grant.objects.update(state="opening", opened_at=None)
    said = text(browser(door).get("/visit/session/"))
    assert "It is being opened" in said
    assert "Look again" in said


def test_the_browsers_language_comes_before_the_sponsors_guess(cast: Cast):
    from tests.support.cast import vendor_details

    details = vendor_details(language="fr")
    invitation = opened(invited(estate.machine("vm-1"), cast, details=details))
    path = f"/visit/{token_of(invitation)}/"
    assert 'lang="de"' in _html(browser().get(path, headers={"Accept-Language": "de-AT,en;q=0.5"}))
    assert 'lang="fr"' in _html(browser().get(path))
    assert 'lang="fr"' in _html(browser().get(path, headers={"Accept-Language": "nl, da"}))
    client = browser()
    chosen = client.post("/visit/language/", {"language": "ja", "next": path})
    assert (chosen.status_code, chosen.headers["Location"]) == (303, path)
    page = client.get(path, headers={"Accept-Language": "de"})
    assert 'lang="ja"' in _html(page)
    assert page.headers["Content-Language"] == "ja"
    assert "年" in text(page)


def _html(answer: Any) -> str:
    return next(iter(re.findall(r"<html[^>]*>", answer.content.decode())))


@pytest.mark.parametrize("next_", ["https://evil.test/", "//evil.test/visit/", "/requests/", ""])
def test_choosing_a_language_leads_nowhere_else(next_: str):
    chosen = browser().post("/visit/language/", {"language": "de", "next": next_})
    assert chosen.headers["Location"] == "/visit/left/"
    assert (
        "visit-language"
        not in browser().post("/visit/language/", {"language": "xx", "next": next_}).cookies
    )


def test_the_portals_session_is_neither_read_nor_set(invitation: Invitation, cast: Cast):
    """On the same host, in the browser of somebody who is signed in to the portal."""
    client = browser(at_the_door(invitation))
    client.force_login(cast.alice)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        answer = client.get("/visit/session/")
    assert not [query for query in asked if "browsersession" in query["sql"].lower()]
    assert "sessionid" not in answer.cookies
    assert "Sign out of this browser" in text(answer)
    assert client.get("/").status_code == 200  # and is still signed in there


def test_a_form_of_another_site_is_refused_in_the_vendors_frame(invitation: Invitation):
    door = at_the_door(invitation)
    client = Client(enforce_csrf_checks=True, **HOME)
    client.cookies["visit"] = door.cookie
    answer = client.post("/visit/finish/")
    assert answer.status_code == 403
    assert "This page was open for too long" in text(answer)
    assert 'class="visit"' in answer.content.decode()
    crossed = browser(door).post("/visit/finish/", headers={"Sec-Fetch-Site": "cross-site"})
    assert crossed.status_code == 403
    assert not Grant.objects.filter(end_order__isnull=False).exists()


def test_a_forged_form_for_a_secret_address_leaves_it_in_no_log(invitation: Invitation, caplog):
    """The first line of what was refused named the whole path."""
    token = token_of(invitation)
    answer = Client(enforce_csrf_checks=True, **HOME).post(f"/visit/{token}/code/")
    assert answer.status_code == 403
    ours = [line for line in caplog.messages if "csrf check failed" in line]
    assert ours == ["csrf check failed on visit-send: CSRF cookie not set."]


def test_too_much_at_once_is_said_in_the_vendors_frame():
    answer = browser().post("/visit/more-time/", {"why": "x" * 300_000})
    assert answer.status_code == 413
    assert 'class="visit"' in answer.content.decode()


def test_a_broken_page_is_said_in_the_vendors_frame(invitation: Invitation, monkeypatch):
    from links.visiting.views import arriving

    def breaks(*_args: Any) -> None:
        raise RuntimeError("by the test")

    monkeypatch.setattr(arriving, "standing_of", breaks)
    client = Client(raise_request_exception=False, **HOME)
    answer = client.get(f"/visit/{token_of(invitation)}/")
    assert answer.status_code == 500
    assert 'class="visit"' in answer.content.decode()


def test_every_page_is_kept_by_nobody_and_framed_by_nobody(invitation: Invitation):
    client = browser(at_the_door(invitation))
    for path in ("session/", "terms/", "finish/", "more-time/", "left/", "nothing/"):
        answer = client.get(f"/visit/{path}")
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "noindex" in answer.headers["X-Robots-Tag"]
        assert answer.headers["Referrer-Policy"] in {"same-origin", "no-referrer"}
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
    landing = client.get(f"/visit/{token_of(invitation)}/")
    assert landing.headers["Referrer-Policy"] == "strict-origin"


def test_no_title_holds_a_secret(invitation: Invitation):
    token, door = token_of(invitation), at_the_door(invitation)
    pages = [browser(door).get(f"/visit/{path}/") for path in (token, "session", "terms", "finish")]
    titles = [re.findall(r"<title>(.*?)</title>", page.content.decode())[0] for page in pages]
    assert not any("bav_" in title for title in titles)
    assert all(title.strip() for title in titles)
    later = [page.content.decode() for page in pages[1:]]
    assert not any("bav_" in page for page in later)


def test_pages_ask_the_database_little(invitation: Invitation, django_assert_max_num_queries):
    client, token = browser(at_the_door(invitation)), token_of(invitation)
    client.get(f"/visit/{token}/")
    for path, most in ((f"/visit/{token}/", 8), ("/visit/session/", 12), ("/visit/terms/", 8)):
        with django_assert_max_num_queries(most):
            assert client.get(path).status_code == 200


def test_accepting_is_done_once(invitation: Invitation):
    visitor = accepts_terms(comes_in(invitation))
    assert "Open session" in text(browser(visitor).get("/visit/session/"))
