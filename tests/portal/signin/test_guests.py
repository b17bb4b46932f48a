"""Guests stay guests, whatever a token leaves out."""

from __future__ import annotations

from access import policy
from access.clock import db_now
from access.models import Person
from portal.models import DirectoryReading
from tests.portal.signin.conftest import SignIn
from tests.support.entra import Entra


def read(*, finished: bool = True) -> None:
    at = db_now() if finished else None
    DirectoryReading.objects.update_or_create(pk=1, defaults={"finished_at": at})


def test_a_token_does_not_unsay_what_the_directory_said(entra: Entra, sign_in: SignIn) -> None:
    """A guest who was made a member: Entra's token calls them one, and they would decide."""
    greta = entra.user("Greta", "Approver", claims={"acct": 0})
    sign_in(greta)
    Person.objects.update(is_guest=True)
    read()
    sign_in(greta)
    found = Person.objects.get()
    assert found.is_guest
    assert not policy.has(found, policy.Act.DECIDE)


def test_where_no_directory_is_read_the_token_is_all_there_is(
    entra: Entra, sign_in: SignIn
) -> None:
    greta = entra.user("Greta", claims={"acct": 1})
    sign_in(greta)
    read(finished=False)
    greta.claims = {"acct": 0}
    sign_in(greta)
    assert not Person.objects.get().is_guest
