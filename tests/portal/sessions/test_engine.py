"""Sessions in the database: under a digest, with their person, and ended for good."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core import signing
from django.test import Client
from django.utils import timezone

from portal.models import BrowserSession
from portal.signin.ending import end_all, end_one
from portal.signin.sessions import SessionStore, digest
from portal.signin.tasks import forget_sessions
from tests.portal.sessions.conftest import cookie_of, is_out, row_of, signed_in_since, with_cookie
from tests.support.browsers import signed_in
from tests.support.cast import Cast

pytestmark = pytest.mark.django_db


def test_who_reads_the_database_cannot_use_a_session(alice: Client, cast: Cast):
    """X-50: neither the key of the row nor anything else in it is the cookie."""
    row, cookie = row_of(alice), cookie_of(alice)
    assert row.pk == sha256(cookie.encode()).hexdigest()
    assert cookie not in str(BrowserSession.objects.filter(pk=row.pk).values().get())
    assert is_out(with_cookie(row.pk))
    assert not is_out(with_cookie(cookie))


def test_a_row_names_its_person(alice: Client, cast: Cast):
    row = row_of(alice)
    assert row.person == cast.alice
    assert row.signed_in_at is not None
    assert row.seen_at is not None
    assert row.expire_date - row.signed_in_at == timedelta(hours=8)


def test_saving_again_makes_no_session_younger(alice: Client):
    signed_in_since(alice, hours=3)
    before = row_of(alice).signed_in_at
    session = alice.session
    session["something"] = "new"
    session.save()
    session.cycle_key()
    session.save()
    after = BrowserSession.objects.get(pk=digest(session.session_key))
    assert after.signed_in_at == before
    assert after.expire_date == before + timedelta(hours=8)


def test_a_new_key_makes_the_old_one_worthless(alice: Client):
    old = cookie_of(alice)
    session = alice.session
    session.cycle_key()
    assert is_out(with_cookie(old))


def test_an_ended_session_is_not_brought_back_by_a_request_under_way(alice: Client, cast: Cast):
    """A request reads the session; meanwhile it is ended; then the request saves."""
    under_way = alice.session
    under_way["something"] = "new"
    end_all(cast.alice, by="test", why="test")
    with pytest.raises(UpdateError):
        under_way.save()
    under_way.saw()
    row = row_of(alice)
    assert row.ended_at is not None
    assert row.session_data == ""
    assert is_out(alice)


def test_a_session_that_was_deleted_is_not_brought_back(alice: Client):
    under_way = alice.session
    under_way["something"] = "new"
    SessionStore(cookie_of(alice)).delete()
    with pytest.raises(UpdateError):
        under_way.save()


def test_ending_twice_is_ending_once(alice: Client, cast: Cast):
    row = row_of(alice)
    assert end_one(row, by=cast.alice, why="test") is True
    assert end_one(row, by=cast.alice, why="test") is False
    assert end_all(cast.alice, by="test", why="test") == 0


def test_nobody_elses_sessions_end(alice: Client, cast: Cast):
    bob = signed_in(cast.bob)
    end_all(cast.alice, by="test", why="test")
    assert is_out(alice)
    assert not is_out(bob)


def test_anonymous_sessions_have_no_person_and_last_shortly(db: None):
    store = SessionStore()
    store["flow"] = "begun"
    store.save()
    row = BrowserSession.objects.get(pk=digest(store.session_key))
    assert (row.person, row.signed_in_at) == (None, None)
    assert row.expire_date < timezone.now() + timedelta(minutes=31)
    BrowserSession.objects.update(expire_date=timezone.now())
    assert SessionStore(store.session_key).get("flow") is None


def test_somebody_else_in_the_same_browser_begins_anew(alice: Client, cast: Cast):
    signed_in_since(alice, hours=3)
    alice.force_login(cast.bob, backend="portal.signin.backend.VouchedFor")
    row = row_of(alice)
    assert row.person == cast.bob
    assert row.signed_in_at > timezone.now() - timedelta(minutes=1)
    assert BrowserSession.objects.count() == 1


def test_the_asynchronous_twins_know_the_digest_too(alice: Client, cast: Cast):
    key = cookie_of(alice)
    assert async_to_sync(SessionStore(key).aget)(SESSION_KEY) == str(cast.alice.pk)
    assert async_to_sync(SessionStore().aexists)(key) is True
    async_to_sync(SessionStore(key).aflush)()
    assert is_out(alice)


def test_what_is_over_leaves_the_database(alice: Client, cast: Cast):
    bob = signed_in(cast.bob)
    BrowserSession.objects.filter(person=cast.alice).update(expire_date=timezone.now())
    forget_sessions()
    assert list(BrowserSession.objects.values_list("person__object_id", flat=True)) == ["bob"]
    assert not is_out(bob)


@pytest.mark.parametrize("junk", ["", "x", "\x00" * 40, "é" * 40, "a" * 5000, "' OR 1=1 --"])
def test_cookies_that_are_none_sign_nobody_in(junk: str, db: None):
    assert is_out(with_cookie(junk))


def test_a_session_that_was_ended_gets_no_new_key(alice: Client, cast: Cast):
    under_way = alice.session
    assert under_way.get(SESSION_KEY)
    end_all(cast.alice, by="test", why="test")
    with pytest.raises(SessionInterrupted):
        under_way.cycle_key()
    assert BrowserSession.objects.count() == 1


class TestRotation:
    """The key that signs the data changes; who is signed in stays so."""

    def test_the_old_key_still_opens_during_the_rotation(self, alice: Client, settings):
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "the-new-one-of-this-test" * 3
        assert not is_out(alice)
        alice.post("/theme/", {"theme": "dark"})
        assert not is_out(alice)

    def test_afterwards_it_opens_nothing(self, alice: Client, settings):
        settings.SECRET_KEY = "the-new-one-of-this-test" * 3
        settings.SECRET_KEY_FALLBACKS = []
        assert is_out(alice)

    def test_what_is_saved_during_the_rotation_outlives_it(self, alice: Client, settings):
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "the-new-one-of-this-test" * 3
        assert not is_out(alice)  # Django renews the hash of a session that an old key made
        settings.SECRET_KEY_FALLBACKS = []
        held = row_of(alice).session_data
        assert signing.loads(
            held, salt=SessionStore().key_salt, serializer=alice.session.serializer
        )
        assert not is_out(alice)
