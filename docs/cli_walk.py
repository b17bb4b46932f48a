"""``make walk``: what README.md shows under "From a terminal", from the running product.

Starts the portal with data of its own and plays the main job through with the real command line,
while Debian's Chromium allows it and approves. Only ``az`` is a stand-in, for there is no Azure to
connect to. The portal's address, the code and the clock are written as if they were always the
same, so that the text changes only when the product does.
"""

from __future__ import annotations

import contextlib
import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from docs.screenshots import ARGS
from tests.support.product import portal

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BEGIN, END = "<!-- walk -->\n", "<!-- end of walk -->\n"
SHOWN_URL, SHOWN_CODE = "https://access.example.com", "WDJB-MJHT"
BEGINS = 20 * 60  # the first moment told, a token's end after twelve hours, is 20:00
QUESTION = "[y/N] "
REFERENCE = "BA-000001"
STAND_IN = "#!/bin/sh\necho '(the session runs here, in this terminal, until you leave it)'\n"
COMMANDS = (
    ("sign-in", "sign-in {url} --no-browser"),
    ("request", 'request vm-web-stg-01 --ssh --for 30m --reason "Disk is full" --wait'),
    ("list", "list"),
    ("connect", f"connect {REFERENCE} --keep"),
    ("end", f"end {REFERENCE}"),
    ("sign-out", "sign-out"),
)
Helper = Callable[[str], None]  # is given each line, and does what a person would do on it


def main() -> None:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder, portal(Path(folder) / "var") as made:
        made.wait_until_ready()
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=ARGS)
            said = _walk(browser, made.url, Path(folder))
            browser.close()
    _write(_the_same_always(said, made.url))
    print("README.md")


def _walk(browser: Browser, url: str, folder: Path) -> str:
    (folder / "az").write_text(STAND_IN)
    (folder / "az").chmod(0o755)
    with (
        _page(browser, url, "Demo engineer") as engineer,
        _page(browser, url, "Demo approver") as approver,
    ):
        helpers: dict[str, Helper] = {
            "sign-in": lambda line: _allow(engineer, line),
            "request": lambda line: _approve(approver, url, line),
        }
        parts = [
            f"$ bastion-access {words.format(url=url)}\n"
            + _run(words.format(url=url), folder, helpers.get(name, lambda _line: None))
            for name, words in COMMANDS
        ]
    return "\n".join(parts)


def _run(words: str, folder: Path, helper: Helper) -> str:
    """Everything that it prints, as it stands in a terminal; what it asks is answered with yes."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(  # noqa: S603 # words of this file
        [sys.executable, "-m", "bastion_access", *shlex.split(words)],
        env=_environment(folder),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = _listen(ours, helper)
    os.close(ours)
    if child.wait() != 0:
        raise SystemExit(said)
    return said


def _listen(terminal: int, helper: Helper) -> str:
    said, heard = "", 0
    while chunk := _read(terminal):
        said += chunk.decode().replace("\r", "")
        if said.endswith(QUESTION):
            os.write(terminal, b"y\n")
        for line in said[heard:].splitlines(keepends=True):
            if line.endswith("\n"):
                heard += len(line)
                helper(line)
    return "".join(f"{line.rstrip()}\n" for line in said.splitlines())


def _read(terminal: int) -> bytes:
    """Empty when nobody writes there any more, which Linux calls an error."""
    with contextlib.suppress(OSError):
        return os.read(terminal, 4096)
    return b""


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BASTION_")}
    return {
        **kept,
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "cli"),
        "PYTHONUNBUFFERED": "1",
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "COLUMNS": "90",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "TZ": "UTC",
    }


def _allow(engineer: Page, line: str) -> None:
    address = re.search(r"http\S+/device/\S+", line)
    if address:
        engineer.goto(address[0])
        engineer.get_by_role("button", name="Allow").click()


def _approve(approver: Page, url: str, line: str) -> None:
    if "waits for approval" in line and "…" in line:
        approver.goto(f"{url}/requests/{REFERENCE}/")
        approver.get_by_role("button", name="Approve").click()


@contextmanager
def _page(browser: Browser, url: str, who: str) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{url}/sign-in/")
    page.get_by_role("button", name=who).click()
    yield page
    context.close()


def _the_same_always(said: str, url: str) -> str:
    said = said.replace(url, SHOWN_URL)
    said = re.sub(r"\b[BCDFGHJ-NP-TV-XZ]{4}-[BCDFGHJ-NP-TV-XZ]{4}\b", SHOWN_CODE, said)
    said = re.sub(r"\b\d+ min left|less than a minute left", "29 min left", said)
    said = re.sub(r"\b[A-Z][a-z]{2} \d{1,2} [A-Z][a-z]{2} (?=\d\d:)", "", said)  # past midnight
    first = re.search(r"\b(\d\d):(\d\d)\b", said)
    began = int(first[1]) * 60 + int(first[2]) if first else 0

    def shifted(found: re.Match[str]) -> str:
        minutes = (int(found[1]) * 60 + int(found[2]) - began + BEGINS) % (24 * 60)
        return f"{minutes // 60:02}:{minutes % 60:02}"

    return re.sub(r"\b(\d\d):(\d\d)\b", shifted, said)


def _write(said: str) -> None:
    before, _, rest = README.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    block = "".join(f"    {line}".rstrip() + "\n" for line in said.splitlines())
    README.write_text(f"{before}{BEGIN}\n{block}\n{END}{after}")


if __name__ == "__main__":
    main()
