"""Browser tests: Debian's Chromium against a live server, with rows made directly."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from access.clock import db_now
from access.models import Grant, Heartbeat, Person
from tests.conftest import chromium
from tests.support.canaries import Watch, watching
from tests.support.cast import Cast

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
SignIn = Callable[..., Page]


@pytest.fixture(scope="session")
def chrome() -> Iterator[Browser]:
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's loop runs in this thread
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def _book() -> Iterator[Watch]:
    """Of all journeys: a secret of one may be said in the course of another."""
    book = Watch()
    yield book
    assert book.found_in(book.spoken()) == []


@pytest.fixture(autouse=True)
def watch(_book: Watch, transactional_db: None, settings: Any) -> Iterator[Watch]:
    """After each journey, before the tables are emptied, no secret of it stands anywhere (X-82).
    What other tests do between two journeys is not theirs."""
    settings.EMAIL_HOST_PASSWORD = "the-mail-servers-password-of-the-journeys"
    with watching() as watch:
        watch.learn_settings()
        yield watch
        found = watch.found()
    watch.turn_page(_book)
    assert found == []


@pytest.fixture(autouse=True)
def _no_broker(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    def kept(*args: Any, **options: Any) -> None:
        watch.sent.append(repr((args, options)))

    monkeypatch.setattr("access.tasks.look.apply_async", kept)


@pytest.fixture
def people(transactional_db: None) -> Cast:
    made = Cast.create()
    Person.objects.update(tenant_id="demo")
    Heartbeat.objects.update_or_create(name="closer", defaults={"at": db_now()})
    return made


@pytest.fixture
def sign_in(chrome: Browser, live_server: LiveServer) -> Iterator[SignIn]:
    """``sign_in("alice", scheme="dark", width=390)``: a page of a new context, signed in."""
    contexts: list[BrowserContext] = []

    def signed_in(
        who: str = "", *, scheme: Any = "light", width: int = 1280, scripts: bool = True
    ) -> Page:
        context = chrome.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            java_script_enabled=scripts,
            bypass_csp=scripts,  # for axe; the pages' own policy is tested on its own
        )
        contexts.append(context)
        page = context.new_page()
        if who:
            page.goto("/sign-in/")
            page.click(f"button[value={who}]")
        return page

    yield signed_in
    for context in contexts:
        context.close()


def violations(page: Page, within: str = "html") -> list[str]:
    page.add_script_tag(path=AXE)
    options = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}"
    found = page.evaluate(f"axe.run({within!r}, {options})")
    return [
        f"{v['id']}: {node['target']} {node['failureSummary']}"
        for v in found["violations"]
        for node in v["nodes"]
    ]


def set_open(grant: Grant) -> None:
    Grant.objects.filter(pk=grant.pk).update(state="open", opened_at=db_now())
