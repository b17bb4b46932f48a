"""``make screenshots``: the README's pictures, taken from the running product.

Starts the portal with data of its own, plays the main job through in Debian's Chromium, and
writes docs/pictures/*.png.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.support.product import portal

PICTURES = Path(__file__).parent / "pictures"
ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
]  # fmt: skip
DESKTOP = ViewportSize(width=1200, height=820)
PHONE = ViewportSize(width=390, height=780)


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder, portal(Path(folder) / "var") as made:
        made.wait_until_ready()
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=ARGS)
            _play(browser, made.url)
            browser.close()


def _play(browser: Browser, url: str) -> None:
    with _page(browser, url, "Demo engineer") as engineer:
        engineer.goto(f"{url}/machines/?q=stg")
        _take(engineer, "machines")
        engineer.get_by_role("link", name="vm-web-stg-01").first.click()
        engineer.get_by_label("Why do you need it?").fill("Disk is full on the staging node")
        _take(engineer, "ask")
        engineer.get_by_role("button", name="Send request").click()
        asked = engineer.url
        with _page(browser, url, "Demo approver", phone=True) as approver:
            approver.goto(asked)
            _take(approver, "decide-phone", full=True)
            approver.get_by_role("button", name="Approve").click()
        engineer.get_by_text("Open, ends").first.wait_for()
        engineer.reload()
        _take(engineer, "open", full=True)
    with _page(browser, url, "Demo auditor", dark=True) as auditor:
        auditor.goto(f"{url}/open/")
        _take(auditor, "open-now-dark")
        auditor.goto(f"{url}/ledger/")
        _take(auditor, "ledger-dark")


@contextmanager
def _page(
    browser: Browser, url: str, who: str, *, phone: bool = False, dark: bool = False
) -> Iterator[Page]:
    context = browser.new_context(
        viewport=PHONE if phone else DESKTOP, color_scheme="dark" if dark else "light"
    )
    page = context.new_page()
    page.goto(f"{url}/sign-in/")
    page.get_by_role("button", name=who).click()
    yield page
    context.close()


def _take(page: Page, name: str, *, full: bool = False) -> None:
    page.screenshot(path=str(PICTURES / f"{name}.png"), full_page=full)
    print(f"docs/pictures/{name}.png")


if __name__ == "__main__":
    main()
