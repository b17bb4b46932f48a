"""Sessions are made old by changing their rows; nobody waits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from access.models import Person
from portal.models import BrowserSession
from portal.signin.sessions import digest
from tests.support.browsers import signed_in

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
)


def cookie_of(client: Client) -> str:
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def row_of(client: Client) -> BrowserSession:
    return BrowserSession.objects.get(pk=digest(cookie_of(client)))


def with_cookie(value: str) -> Client:
    """The thief: another browser with somebody's cookie."""
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = value
    return thief


def quiet_for(client: Client, **span: float) -> None:
    BrowserSession.objects.filter(pk=row_of(client).pk).update(
        seen_at=timezone.now() - timedelta(**span)
    )


def signed_in_since(client: Client, **span: float) -> None:
    """Used a moment ago, and signed in long before."""
    began = timezone.now() - timedelta(**span)
    BrowserSession.objects.filter(pk=row_of(client).pk).update(signed_in_at=began)


def is_out(client: Client) -> bool:
    answer = client.get("/requests/")
    return answer.status_code == 302 and answer.url.startswith("/sign-in/")


@pytest.fixture
def alice(cast) -> Client:
    return signed_in(cast.alice)


def another(person: Person, agent: str = EDGE) -> Client:
    """A further browser of the same person, used once."""
    client = signed_in(person)
    quiet_for(client, minutes=2)
    client.get("/", headers={"User-Agent": agent})
    return client
