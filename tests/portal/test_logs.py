"""One event is one line, whatever it says, and no line says a secret."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from access import sealed
from portal.logs import OneLine, OneObject
from portal.logs.redaction import redact
from portal.logs.requests import RequestTrail
from portal.logs.tasks import NoBodies
from portal.logs.trail import Trail, under
from portal.settings.logs import written_as
from tests.support.browsers import Browser
from tests.support.canaries import Watch, watching
from tests.support.cast import Cast

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJvaWQiOiJhbGljZSJ9.c2lnbmF0dXJl"
TOKEN = "bax_k3n9q2xw_" + "A" * 43
VENDORS = "bav_7hq2m4xw_" + "B" * 43
LINK = "https://bst-9d3c.bastion.azure.com/api/shareable-url/5f5d0000-0000-4000-8000-000000000000"


def formatted(text: str, *args: Any) -> str:
    return OneLine().format(logging.LogRecord("access", logging.INFO, "", 1, text, args, None))


def an_object(text: str, *args: Any, **extra: Any) -> dict[str, Any]:
    record = logging.LogRecord("access", logging.INFO, "", 1, text, args, None)
    vars(record).update(extra)
    line = OneObject().format(record)
    assert line.isascii()
    assert len(line.splitlines()) == 1
    told: dict[str, Any] = json.loads(line)
    return told


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []
        self.setFormatter(OneObject())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


@pytest.fixture
def kept() -> Iterator[list[dict[str, Any]]]:
    handler = Kept()
    logging.getLogger().addHandler(handler)
    yield handler.lines
    logging.getLogger().removeHandler(handler)


@pytest.fixture
def watched() -> Iterator[Watch]:
    with watching() as watch:
        yield watch


def test_a_reason_with_a_line_break_cannot_forge_a_second_event() -> None:
    """X-60"""
    line = formatted("asked for: x\n2026-01-01T00:00:00Z INFO access approved by bob")
    assert len(line.splitlines()) == 1
    assert "\\n2026" in line


def test_terminal_codes_and_tricks_of_direction_are_written_out() -> None:
    line = formatted("a\x1b[31mred\u202egnp.exe\u2028next")
    assert "\x1b" not in line
    assert "\u202e" not in line
    assert len(line.splitlines()) == 1


def test_an_object_is_one_line_of_ascii_and_its_time_is_utc() -> None:
    told = an_object("a\nb\x1b[31m\u202e\u2028", status=200)
    assert told["message"] == "a\nb\x1b[31m\u202e\u2028"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told["time"])
    assert (told["level"], told["logger"], told["status"]) == ("INFO", "access", 200)


def test_what_libraries_hang_on_a_record_is_not_written() -> None:
    """Celery hangs a task's arguments there, Django the request with its body."""
    told = an_object("x", data={"args": [TOKEN]}, request="<WSGIRequest>", password="hunter2")
    assert set(told) == {"time", "level", "logger", "message"}


def test_a_text_of_a_megabyte_is_cut_after_its_secrets_were_taken_out() -> None:
    line = formatted("%s", "a" * 16_330 + TOKEN + "b" * 1_000_000)
    assert len(line) < 17_000
    assert "A" * 16 not in line
    assert "more characters" in line


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"refused {TOKEN}", TOKEN),
        (f"refused {VENDORS}", "B" * 16),
        (f"Not Found: /visit/{VENDORS}/", "B" * 16),
        (f"Method Not Allowed (GET): /visit/{VENDORS}/code/", "B" * 16),
        (f"next=%2Fvisit%2F{VENDORS}%2F", "B" * 16),
        (f"Not Found: /visit/{VENDORS[:40]}", "B" * 16),
        ("Not Found: /visit/bav_7hq2m4xw%5FBBBBBBBBBBBBBBBBBB/", "B" * 16),
        ("Not Found: /visit/somebody-mistyped-it", "mistyped"),
        ("visit=Q7fK2mZx81LpVt0sYb; theme=dark", "Q7fK2mZx81LpVt0sYb"),
        ("{'visit': 'Q7fK2mZx81LpVt0sYb'}", "Q7fK2mZx81LpVt0sYb"),
        ("<Morsel: __Host-visit=Q7fK2mZx; HttpOnly>", "Q7fK2mZx"),
        ("wrote the code: 4821 9377 to a vendor", "9377"),
        ("csrf=x&code=48219377&next=1", "48219377"),
        ('{"code":"48219377"}', "48219377"),
        (f"refused {JWT}", JWT),
        (f"Authorization: Bearer {JWT}", JWT),
        ("{'Authorization': 'Basic YWxpY2U6aHVudGVyMg=='}", "YWxpY2U6aHVudGVyMg"),
        ("sent Bearer 0.AXoAabcdefghijklmnop", "AXoAabcdefghijklmnop"),
        ("Cookie: __Host-session=a1b2c3d4; theme=dark", "a1b2c3d4"),
        ("Set-Cookie: __Host-csrf=q9w8e7; Secure", "q9w8e7"),
        ("GET /sign-in/entra/?code=0.AAAA&state=ZZZZ HTTP/1.1", "0.AAAA"),
        ("GET /sign-in/entra/?code=0.AAAA&state=ZZZZ HTTP/1.1", "ZZZZ"),
        ("grant_type=authorization_code&client_secret=hunter2&x=1", "hunter2"),
        ('{"refresh_token": "1.AQ-x", "expires_in": 3600}', "1.AQ-x"),
        (f"link {LINK} is not empty", LINK.rsplit("/", 1)[1]),
        ("postgres://portal:hunter2@db/portal is away", "hunter2"),
        ("redis://:hunter2@redis:6379/0 is away", "hunter2"),
        ("https://hooks.slack.com/services/T000/B000/XXXX", "T000"),
        ("POST https://prod.logic.azure.com/x?sig=s3cr3t&v=1", "s3cr3t"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----", "MIIEvQ"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text: str, secret: str) -> None:
    """X-82"""
    for told in (redact(text), formatted(text), an_object(text)["message"]):
        assert secret not in told
        assert "[redacted]" in told


def test_which_token_it_was_can_be_told() -> None:
    """By the part that is public, as the ledger names it."""
    assert redact(f"Gone: /visit/{VENDORS}/code/") == "Gone: /visit/bav_7hq2m4xw_[redacted]/code/"
    assert redact(f"key {TOKEN}.") == "key bax_k3n9q2xw_[redacted]."
    twice = redact(redact(f"Gone: /visit/{VENDORS}/"))  # Django's lines come by here two times
    assert twice == "Gone: /visit/bav_7hq2m4xw_[redacted]/"


@pytest.mark.parametrize(("method", "path"), [("get", "nowhere/"), ("put", ""), ("post", "code/")])
def test_djangos_own_lines_of_a_refusal_say_no_vendors_address(
    db: None, watched: Watch, method: str, path: str
) -> None:
    """X-46: it says the path of what it refuses, and a vendor's path lets them in."""
    watched.learn("a vendor's token", VENDORS)
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    getattr(client, method)(f"/visit/{VENDORS}/{path}")
    told = "\n".join(watched.said)
    assert "/visit/bav_7hq2m4xw_[redacted]/" in told
    assert watched.found() == []  # not even before the last line of defence


def test_what_was_sealed_and_the_processs_own_secrets_are_taken_out(settings: Any) -> None:
    """X-82"""
    settings.SECRET_KEY = "k(y-that-nobody-may-read"
    settings.EMAIL_HOST_PASSWORD = "mail.pass+word"
    settings.CELERY_BROKER_URL = "redis://:br0ker-pass@redis/0"
    sealed_text = sealed.seal("an address")
    told = redact(f"{settings.SECRET_KEY} mail.pass+word br0ker-pass {sealed_text}")
    assert told == "[redacted] [redacted] [redacted] [redacted]"
    for key in settings.FIELD_KEYS:
        assert key not in redact(f"no key {key}")


@pytest.mark.parametrize(
    "text",
    [
        "state: open, code: AuthorizationFailed",
        "https://management.azure.com:443/subscriptions/x is slow",
        "look at gate 7 broke down for alice@example.test",
        "request=0123456789abcdef0123456789abcdef",
        "Not Found: /visit/more-time/",
        "GET visit-code 200 12 ms, visit=7, code: 4031",
        "invitation 48219377 of 2026-11-29 20260129",
        "templates/visit/more_time_asked.html is missing",
    ],
)
def test_what_people_need_to_read_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "unit",
    [
        "://", "code=", "bearer ", "eyJaaaaa.", "x:", "authorization:", "/visit/", "/visit/bav_",
        "visit=", "bav_", "code: ",
    ],
)  # fmt: skip
def test_hostile_text_costs_no_more_than_its_length(unit: str) -> None:
    import time

    began = time.monotonic()
    redact(unit * (1_000_000 // len(unit)))
    assert time.monotonic() - began < 10


def test_an_exception_that_quotes_a_token_tells_no_token() -> None:
    """X-82: MSAL, Azure's SDKs and requests quote answers and addresses in what they raise."""
    try:
        raise ValueError(f"AADSTS70008: refresh_token={JWT} for https://x/?code=abcdefgh")
    except ValueError:
        import sys

        record = logging.LogRecord("msal", 40, "", 1, "sign-in broke down", (), sys.exc_info())
    for line in (OneLine().format(record), OneObject().format(record)):
        assert "Traceback" in line
        assert JWT not in line
        assert "abcdefgh" not in line
        assert len(line.splitlines()) == 1


def test_each_request_has_an_id_of_ours_and_one_line(
    cast: Cast, browser: Browser, kept: list[dict[str, Any]]
) -> None:
    theirs = "f" * 32
    answer = browser(cast.alice).get(
        f"/requests/?q={TOKEN}", HTTP_X_REQUEST_ID=theirs, HTTP_COOKIE2=TOKEN
    )
    (line,) = [line for line in kept if line["logger"] == "portal.requests"]
    assert answer.headers["X-Request-ID"] == line["request"] != theirs
    assert re.fullmatch(r"[0-9a-f]{32}", line["request"])
    assert (line["method"], line["route"], line["status"]) == ("GET", "requests", 200)
    assert isinstance(line["ms"], int)
    assert line["person"] == cast.alice.identity
    assert TOKEN not in json.dumps(kept)


def test_nobody_signed_in_is_nobody_and_an_address_unknown_has_no_route(
    db: None, kept: list[dict[str, Any]]
) -> None:
    Client().get("/no-such-page/?code=secret-of-somebody")
    (line,) = [line for line in kept if line["logger"] == "portal.requests"]
    assert (line["route"], line["status"]) == ("-", 404)
    assert "person" not in line
    assert len(kept) == 2  # ours, and Django's
    assert "secret-of-somebody" not in json.dumps(kept)
    assert all(line["request"] == kept[0]["request"] for line in kept)


def test_machines_that_ask_for_a_sign_of_life_fill_no_log(
    db: None, kept: list[dict[str, Any]]
) -> None:
    Client().get("/healthz")
    assert [line for line in kept if line["logger"] == "portal.requests"] == []


def test_a_method_of_their_own_making_is_not_repeated(kept: list[dict[str, Any]]) -> None:
    request: HttpRequest = RequestFactory().generic("FORGED\nLINE", "/")
    request.resolver_match = None
    RequestTrail(lambda _: HttpResponse())(request)
    assert kept[-1]["method"] == "OTHER"


def test_a_refused_post_tells_nothing_of_what_was_posted(
    cast: Cast, kept: list[dict[str, Any]]
) -> None:
    """X-82: the body may hold what somebody typed into the wrong field."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.alice, backend="portal.signin.backend.VouchedFor")
    refused = client.post("/theme/", {"theme": "dark", "password": "typed-by-mistake"})
    assert refused.status_code == 403
    assert kept
    assert "typed-by-mistake" not in json.dumps(kept)


def test_a_task_carries_the_request_that_called_for_it() -> None:
    from portal.logs import tasks

    headers: dict[str, Any] = {}
    with under(Trail("a" * 32)):
        tasks.carry(headers=headers)
    assert headers == {"request_id": "a" * 32}
    ran = type("Task", (), {"name": "access.look", "request": type("R", (), headers)})
    tasks.arrive(task_id="1", task=ran)
    inside = an_object("looked")
    tasks.leave(task_id="1")
    assert (inside["request"], inside["task"]) == ("a" * 32, "access.look")
    assert "task" not in an_object("outside")


def test_a_message_that_came_twice_may_be_at_work_twice_at_once() -> None:
    """Redis hands out again what was not acknowledged in time; both have Celery's same id."""
    from portal.logs import tasks

    both, said = Barrier(2), []
    ran = type("Task", (), {"name": "access.look", "request": type("R", (), {})})

    def work(_number: int) -> None:
        tasks.arrive(task_id="3", task=ran)
        both.wait(5)
        said.append(an_object("inside"))
        both.wait(5)
        tasks.leave(task_id="3")
        said.append(an_object("outside"))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    assert sorted(each.get("task", "") for each in said) == ["", "", "access.look", "access.look"]


def test_an_id_that_somebody_wrote_into_the_broker_is_not_believed() -> None:
    from portal.logs import tasks

    forged = {"request_id": "x\n2026-01-01T00:00:00Z INFO access approved by bob"}
    ran = type("Task", (), {"name": "access.look", "request": type("R", (), forged)})
    tasks.arrive(task_id="2", task=ran)
    inside = formatted("looked")
    tasks.leave(task_id="2")
    assert "approved by bob" not in inside


@pytest.mark.parametrize(
    "text", ["UNKNOWN_FORMAT", "UNKNOWN_TASK_ERROR", "INVALID_TASK_ERROR", "MESSAGE_DECODE_ERROR"]
)
def test_a_message_that_no_worker_understands_is_not_written_down(text: str) -> None:
    from celery.worker.consumer import consumer

    told = getattr(consumer, text)
    args = tuple("x" if n == 0 else TOKEN for n in range(told.count("%s") + told.count("%r")))
    record = logging.LogRecord("celery.worker.consumer.consumer", 40, "", 1, told, args, None)
    assert NoBodies().filter(record)
    assert "[redacted]" not in formatted(record.getMessage())  # it was not even there
    assert TOKEN not in record.getMessage()
    assert record.getMessage()


def test_gunicorn_speaks_the_same_way_and_writes_no_address(settings: Any) -> None:
    from gunicorn.config import Config

    from portal.logs.server import ServerLog

    settings.LOG_FORMAT = "json"
    config = Config()
    config.set("accesslog", "-")
    log = ServerLog(config)
    try:
        (handler,) = log.error_log.handlers
        assert isinstance(handler.formatter, OneObject)
        log.access(None, None, {"RAW_URI": f"/visit/{VENDORS}/?code={TOKEN}"}, None)
        handler.stream = io.StringIO()
        log.exception("Error handling request %s", f"/visit/{VENDORS}/")
        assert "B" * 16 not in handler.stream.getvalue()
        assert "/visit/bav_7hq2m4xw_[redacted]/" in handler.stream.getvalue()
    finally:
        for logger in (log.error_log, log.access_log):
            logger.handlers.clear()
            logger.propagate = True


def test_only_the_two_forms_exist_and_production_speaks_json() -> None:
    from django.core.exceptions import ImproperlyConfigured

    with pytest.raises(ImproperlyConfigured, match="LOG_FORMAT"):
        written_as("xml", "INFO")
    assert written_as("json", "INFO")["handlers"]["out"]["formatter"] == "json"


def test_a_process_of_production_writes_one_object_for_each_line() -> None:
    from tests.portal.test_settings import booted

    code = "import logging; logging.getLogger('access').error('a\\nb %s', 'c\\u202e')"
    done = booted(code)
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()
    assert json.loads(line)["message"] == "a\nb c\u202e"
