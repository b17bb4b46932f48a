"""The portal pointed at an Entra of ours, and browsers that sign in through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from tests.support.entra import Entra, User, forget

SignIn = Callable[..., Client]


@pytest.fixture(scope="session")
def _entra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entra]:
    with Entra.started(tmp_path_factory.mktemp("entra")) as entra:
        yield entra


@pytest.fixture
def entra(_entra: Entra, settings: object) -> Iterator[Entra]:
    _entra.reset()
    _entra.point(settings)
    yield _entra
    forget()


@pytest.fixture
def sign_in(entra: Entra, db: None) -> SignIn:
    """``sign_in(user)``: a browser in which they are signed in."""

    def signed_in(user: User, client: Client | None = None) -> Client:
        browser = client or Client()
        answer = through(browser, entra, user)
        assert answer.status_code == 302, answer.content.decode()
        return browser

    return signed_in


def begun(browser: Client, path: str = "/sign-in/entra/") -> str:
    """The address at Entra that the portal sends the browser to."""
    answer = browser.get(path)
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def through(browser: Client, entra: Entra, user: User | None, path: str = "/sign-in/entra/") -> Any:
    """The whole way: to Entra and back."""
    return back(browser, entra.visit(begun(browser, path), user))


def back(browser: Client, callback: str) -> Any:
    """Where the callback leads; a refusal has a page of its own, which is returned."""
    parts = urlsplit(callback)
    assert f"{parts.scheme}://{parts.netloc}" == "https://access.example.test"
    answer = browser.get(f"{parts.path}?{parts.query}")
    assert answer.status_code == 302
    if answer.url.startswith(("/sign-in/entra/refused/", "/sign-in/again/")):
        return browser.get(answer.url)
    return answer


def is_signed_in(browser: Client) -> bool:
    return browser.get("/machines/").status_code == 200
