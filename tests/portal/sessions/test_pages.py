"""Where one is signed in, and ending it; administrators end somebody else's."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from access.models import LedgerEntry, Notice, Person
from portal.models import BrowserSession
from portal.signin.devices import words_of
from tests.portal.sessions.conftest import (
    EDGE,
    FIREFOX,
    another,
    cookie_of,
    is_out,
    quiet_for,
    row_of,
    with_cookie,
)
from tests.support.browsers import signed_in
from tests.support.cast import Cast

pytestmark = pytest.mark.django_db
LIST = "/me/browsers/"
OTHERS = "/me/browsers/end-others/"


def end_page(client: Client) -> str:
    return reverse("browser-end", args=[row_of(client).pk[:16]])


def events() -> list[str]:
    return list(LedgerEntry.objects.order_by("seq").values_list("event", flat=True))


@pytest.fixture
def laptop(cast: Cast) -> Client:
    return another(cast.alice, EDGE)


@pytest.fixture
def phone(cast: Cast) -> Client:
    return another(cast.alice, FIREFOX)


class TestOnesOwn:
    def test_the_list_says_which_is_which(self, laptop: Client, phone: Client, cast: Cast):
        another(cast.bob)
        html = laptop.get(LIST).content.decode()
        assert html.count("Edge on Windows") == 1
        assert "Firefox on Linux" in html
        assert html.count("This browser") == 1
        assert "127.0.0.1" in html

    def test_my_settings_lead_there(self, laptop: Client):
        assert f'href="{LIST}"' in laptop.get("/me/").content.decode()

    def test_one_that_is_over_is_not_listed(self, laptop: Client, phone: Client):
        quiet_for(phone, minutes=31)
        assert "Firefox" not in laptop.get(LIST).content.decode()

    def test_one_is_ended_after_asking(self, laptop: Client, phone: Client, cast: Cast):
        """X-34"""
        stolen = cookie_of(phone)
        page = end_page(phone)
        assert "Sign out Firefox on Linux?" in laptop.get(page).content.decode()
        assert not is_out(with_cookie(stolen))
        assert laptop.post(page).url == LIST
        assert is_out(with_cookie(stolen))
        assert not is_out(laptop)
        line = LedgerEntry.objects.get(event="session.ended")
        assert line.actor_id == cast.alice.identity
        assert line.data["device"] == "Firefox on Linux"

    def test_the_browser_that_was_ended_reads_why(self, laptop: Client, phone: Client):
        laptop.post(end_page(phone))
        assert "from another one, by you" in phone.get("/", follow=True).content.decode()

    def test_all_others_are_ended(self, laptop: Client, phone: Client, cast: Cast):
        third = another(cast.alice)
        assert "Sign out everywhere else?" in laptop.get(OTHERS).content.decode()
        laptop.post(OTHERS)
        assert (is_out(laptop), is_out(phone), is_out(third)) == (False, True, True)
        assert events().count("session.ended") == 1

    def test_without_others_there_is_nothing_to_end(self, laptop: Client):
        assert "nowhere else" in laptop.get(OTHERS).content.decode()
        laptop.post(OTHERS)
        assert not is_out(laptop)
        assert "session.ended" not in events()

    def test_this_one_is_ended_like_signing_out(self, laptop: Client):
        assert laptop.post(end_page(laptop)).url == "/sign-in/"
        assert is_out(laptop)

    def test_signing_out_ends_the_row(self, laptop: Client):
        """X-34"""
        stolen = cookie_of(laptop)
        laptop.post("/sign-out/")
        assert is_out(with_cookie(stolen))
        assert not BrowserSession.objects.exists()

    def test_nobody_elses_can_be_named(self, laptop: Client, cast: Cast):
        """X-51"""
        bobs = another(cast.bob)
        for answer in (laptop.get(end_page(bobs)), laptop.post(end_page(bobs))):
            assert answer.status_code == 404
        assert not is_out(bobs)

    @pytest.mark.parametrize("handle", ["", "a", "0" * 15, "0" * 17, "%" * 16, "g" * 16])
    def test_handles_that_are_none_do_not_exist(self, laptop: Client, handle: str):
        assert laptop.get(f"{LIST}{handle}/end/").status_code == 404


class TestAdministrators:
    def page(self, person: Person) -> str:
        return reverse("person-browsers", args=[person.pk])

    def test_people_shows_in_how_many_browsers_each_is(self, laptop, phone, cast: Cast):
        html = signed_in(cast.dana).get("/people/").content.decode()
        assert "Signed in: 2 browsers" in html
        assert self.page(cast.alice) in html

    def test_auditors_do_not_see_it(self, laptop: Client, cast: Cast):
        assert self.page(cast.alice) not in signed_in(cast.erin).get("/people/").content.decode()

    def test_all_sessions_of_somebody_end(self, laptop: Client, phone: Client, cast: Cast):
        """X-34: after an administrator ended it, a stolen cookie is worth nothing."""
        stolen = cookie_of(laptop)
        dana = signed_in(cast.dana)
        assert "Edge on Windows" in dana.get(self.page(cast.alice)).content.decode()
        assert dana.post(self.page(cast.alice), {"reason": "A lost laptop"}).url == "/people/"
        assert is_out(with_cookie(stolen))
        assert is_out(phone)
        line = LedgerEntry.objects.get(event="session.ended")
        assert line.actor_id == cast.dana.identity
        assert line.data["why"] == "A lost laptop"
        assert (line.data["sessions"], line.data["person"]) == (2, cast.alice.identity)
        told = Notice.objects.get(event="session.ended")
        assert (told.person, told.data["why"]) == (cast.alice, "A lost laptop")

    def test_the_person_reads_who_it_was(self, laptop: Client, cast: Cast):
        signed_in(cast.dana).post(self.page(cast.alice), {"reason": "A lost laptop"})
        html = laptop.get("/", follow=True).content.decode()
        assert "An administrator ended your sessions" in html
        assert "A lost laptop" not in html  # whoever has the cookie reads this

    @pytest.mark.parametrize("reason", ["", "   ", "\x00\u202e"])
    def test_without_a_reason_nothing_ends(self, laptop: Client, cast: Cast, reason: str):
        answer = signed_in(cast.dana).post(self.page(cast.alice), {"reason": reason})
        assert answer.status_code == 400
        assert not is_out(laptop)

    def test_auditors_are_refused_and_the_ledger_knows(self, laptop: Client, cast: Cast):
        """X-72"""
        erin = signed_in(cast.erin)
        assert erin.get(self.page(cast.alice)).status_code == 403
        assert erin.post(self.page(cast.alice), {"reason": "x"}).status_code == 403
        assert not is_out(laptop)
        assert events() == ["session.end.refused"]

    @pytest.mark.parametrize("who", ["alice", "bob", "charlie"])
    def test_for_others_the_page_does_not_exist(self, who: str, laptop: Client, cast: Cast):
        browser = signed_in(getattr(cast, who))
        assert browser.get(self.page(cast.alice)).status_code == 404
        assert browser.post(self.page(cast.alice), {"reason": "x"}).status_code == 404
        assert not is_out(laptop)

    def test_an_administrator_ends_their_own_too(self, cast: Cast):
        dana = signed_in(cast.dana)
        assert dana.post(self.page(cast.dana), {"reason": "A lost laptop"}).url == "/sign-in/"
        assert is_out(dana)

    def test_people_asks_for_all_at_once(self, cast: Cast):
        """However many people: the numbers are one query."""
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        dana = signed_in(cast.dana)
        for person in (cast.alice, cast.bob, cast.erin):
            another(person)
        with CaptureQueriesContext(connection) as asked:
            dana.get("/people/")
        assert sum("COUNT" in q["sql"] and "browsersession" in q["sql"] for q in asked) == 1


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (EDGE, "Edge on Windows"),
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140 Mobile Safari/537", "Chrome on Android"),
        ("Mozilla/5.0 (Macintosh; Intel) Chrome/140 Safari/537", "Chrome on macOS"),
        ("curl/8.9.1", "curl"),
        ("python-requests/2", "A Python program"),
        ("Something (Windows NT 10.0)", "A browser on Windows"),
        ("<script>alert(1)</script>", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_devices_in_words(agent: str, words: str):
    assert words_of(agent) == words
