"""Words of others, on pages, in answers, in files and in the log: shown, never obeyed."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
from typing import Any

import pytest
from django.test import Client

from access.models import Grant, Machine, Person
from portal.logs import OneLine, OneObject
from portal.web.marks import MARKS
from tests.support import estate
from tests.support.browsers import Browser
from tests.support.cast import Cast, approve, ask

SCRIPT = "<script>alert(1)</script>"
HOSTILE = f'{SCRIPT}"<img src=x>\u202egnp\x1b[31m\n\u2066'
INJECTED = "V. Technician\r\nBcc: all@bank.example\r\nSubject: Pay\n\n<b>x</b>"
FORMULA = '=HYPERLINK("http://evil.example","pay")'


@pytest.fixture
def vm(cast: Cast) -> Machine:
    """Nobody cleaned what stands in Azure and in the directory."""
    Person.objects.filter(pk=cast.alice.pk).update(display_name=f"Alice {HOSTILE}"[:150])
    cast.alice.refresh_from_db()
    return estate.machine(
        HOSTILE, tags={HOSTILE: HOSTILE, "owner": FORMULA}, resource_group=HOSTILE[:80]
    )


def pages(reference: str, vm: Machine) -> list[tuple[str, str]]:
    return [
        ("alice", "/"), ("alice", "/machines/"), ("alice", "/requests/"),
        ("alice", f"/requests/{reference}/"), ("alice", f"/requests/{reference}/live/"),
        ("alice", f"/requests/new/?machine={vm.pk}&kind=window&port=22"),
        ("bob", "/approvals/"), ("bob", f"/requests/{reference}/"), ("bob", "/open/"),
        ("dana", "/open/"), ("dana", "/people/"), ("dana", "/verify/"), ("dana", "/ledger/"),
        ("erin", "/ledger/"), ("erin", "/reviews/approvals/"), ("alice", "/machines/?q=gnp"),
    ]  # fmt: skip


def test_on_no_page_do_they_become_part_of_the_page(
    vm: Machine, cast: Cast, browser: Browser
) -> None:
    """X-60: escaped, and marks of direction and control shown by their number."""
    asked = approve(ask(vm, by=cast.alice, reason=SCRIPT + "\u202e why"), by=cast.bob)
    Grant.objects.update(state="open", opened_at=asked.created_at)
    seen = 0
    for who, path in pages(str(asked.reference), vm):
        got = browser(getattr(cast, who)).get(path)
        assert got.status_code == 200, path
        text = got.content.decode()
        assert SCRIPT not in text, path
        assert "<img src=x" not in text, path
        assert not MARKS.search(got.content), path
        seen += "[U+202E]" in text
    assert seen > 8


def test_the_api_gives_them_as_data_and_as_nothing_else(
    vm: Machine, cast: Cast, browser: Browser
) -> None:
    """X-60"""
    got = browser(cast.alice).get("/api/v1/machines/")
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.json()["results"][0]["name"] == vm.name
    assert b"\x1b" not in got.content
    assert got.content.count(b"\n") == 0


def test_in_a_file_they_stay_in_their_cell_and_are_no_formula(
    vm: Machine, cast: Cast, browser: Browser
) -> None:
    """X-60, X-61"""
    Machine.objects.filter(pk=vm.pk).update(name=FORMULA)
    vm.refresh_from_db()
    ask(vm, by=cast.alice, reason=FORMULA)
    got = browser(cast.erin).get("/api/v1/exports/requests.csv")
    assert got.status_code == 200
    rows = list(csv.reader(io.StringIO(got.getvalue().decode())))
    assert {len(row) for row in rows} == {len(rows[0])}
    cells = [cell for row in rows for cell in row]
    assert f"'{FORMULA}" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "@", "\t", "\r", "\n"))]


def test_in_the_log_they_are_one_line(vm: Machine) -> None:
    """X-60"""
    record = logging.LogRecord("access", 30, "", 1, "%s broke down", (vm.name,), None)
    for made in (OneLine(), OneObject()):
        line = made.format(record)
        assert len(line.splitlines()) == 1
        assert "\x1b" not in line
        assert "\u202e" not in line


@pytest.mark.parametrize("size", [1_001, 200_000, 1_000_000])
def test_a_reason_of_a_megabyte_is_refused_and_kept_nowhere(
    size: int, cast: Cast, browser: Browser
) -> None:
    """X-60"""
    vm = estate.machine()
    client = browser(cast.alice)
    wish = {"machine": vm.pk, "kind": "window", "port": 22, "minutes": 30, "reason": "A" * size}
    page = client.post(f"/requests/new/?machine={vm.pk}&kind=window&port=22", wish)
    assert page.status_code in (400, 413)
    sent = json.dumps({**wish, "machine_id": vm.pk})
    api = client.post("/api/v1/requests/", sent, content_type="application/json")
    assert api.status_code in (400, 413)
    from access.models import AccessRequest, LedgerEntry

    assert not AccessRequest.objects.exists()
    assert all(len(str(entry.data)) < 3_000 for entry in LedgerEntry.objects.all())


@pytest.mark.parametrize("field", ["vendor_name", "vendor_company"])
def test_what_names_a_vendor_stays_on_one_line(field: str, cast: Cast) -> None:
    """X-62: it becomes a subject, and the name over a letter."""
    from access.errors import Invalid
    from access.models import Notice

    with pytest.raises(Invalid) as refused:
        ask(estate.machine(), by=cast.alice, kind="link", **{field: INJECTED})
    assert field in refused.value.fields
    assert not Notice.objects.exists()


@pytest.mark.parametrize("field", ["vendor", "reason"])
def test_what_names_a_vendor_makes_no_header_of_a_mail(field: str, cast: Cast) -> None:
    """X-62, also where it was kept before such names were refused."""
    from access.delivery.mail import mail_of
    from access.delivery.message import message_of
    from access.models import Notice

    ask(estate.machine(), by=cast.alice, kind="link")
    notice = Notice.objects.get(person=cast.bob)
    notice.data[field] = INJECTED
    mail = mail_of([notice], [message_of(notice, cast.bob.tz)], cast.bob.mail, cast.bob.tz)
    made = mail.message()
    assert made["Bcc"] is None
    assert made.get_all("Subject") == [mail.subject]
    assert len(mail.subject.splitlines()) == 1
    assert mail.recipients() == [cast.bob.mail]
    assert "<b>x</b>" not in str(mail.alternatives[0][0])


def test_words_in_an_address_are_shown_and_not_obeyed(cast: Cast, browser: Browser) -> None:
    """X-60: a link that somebody sends."""
    got = browser(cast.alice).get("/machines/", {"q": HOSTILE})
    text = got.content.decode()
    assert SCRIPT not in text
    assert not MARKS.search(got.content)


def test_nothing_of_ours_is_taken_for_a_mark(cast: Cast) -> None:
    """Pages in any language stay as they are."""
    plain = "é ü 中文 עברית العربية 👩‍💻 … “quoted”\t\r\n"
    assert not MARKS.search(plain.encode())
    assert Client().get("/sign-in/").status_code == 200


def test_every_mark_is_named_by_its_number() -> None:
    from django.http import HttpResponse

    from portal.web.marks import VisibleMarks

    marks = "\x00\x1b\x7f\x85\u061c\u200e\u200f\u2028\u202a\u202e\u2066\u2069"
    shown = VisibleMarks(lambda _: HttpResponse(f"a{marks}b"))(Any).content.decode()
    assert re.findall(r"\[U\+([0-9A-F]{4})\]", shown) == [f"{ord(c):04X}" for c in marks]
    file = VisibleMarks(lambda _: HttpResponse(marks, content_type="text/csv"))(Any)
    assert file.content.decode() == marks
