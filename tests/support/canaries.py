"""Which secrets were about, and where none of them may be found.

A watch learns each secret at the moment it comes into being: a cookie as it is set, a token as it
is made, what is sealed as it is sealed, what an identity provider or Azure answers as it arrives.
Afterwards it looks for them in all that is kept, said or sent: tables, log records, messages to
the broker, and answers that do not need them.
"""

from __future__ import annotations

import html
import json
import logging
import re
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests
from celery.signals import after_task_publish, before_task_publish, task_prerun
from cryptography.fernet import MultiFernet
from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.db import connection

from access.services import devices, tokens
from links.visiting import codes, keys
from portal.logs import OneLine, OneObject
from portal.signin.sessions import SessionStore

SHORTEST = 8
LINK = re.compile(r"https://bst-[^\s\"'<>\\]+/api/shareable-url/[^\s\"'<>\\]+")
OF_ENTRA = {
    "client_secret", "client_assertion", "code", "code_verifier", "refresh_token", "access_token",
    "id_token", "assertion",
}  # fmt: skip


@dataclass
class Canary:
    """``needed_by``: the routes whose answers may carry it."""

    what: str
    value: str
    needed_by: frozenset[str] = frozenset()

    def stands_in(self, text: str) -> bool:
        return any(form in text for form in self.forms)

    @cached_property
    def forms(self) -> set[str]:
        """As it is, on a page, in an address, in JSON."""
        value = self.value
        return {value, html.escape(value), quote(value, safe=""), json.dumps(value)[1:-1]}


@dataclass
class Watch:
    canaries: dict[str, Canary] = field(default_factory=dict)
    answers: list[tuple[str, str]] = field(default_factory=list)  # route, body
    said: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    def learn(self, what: str, value: object, *needed_by: str) -> None:
        text = value.decode() if isinstance(value, bytes) else str(value or "")
        if len(text) >= SHORTEST:
            self.canaries.setdefault(text, Canary(what, text, frozenset(needed_by)))

    def learn_settings(self) -> None:
        self.learn("SECRET_KEY", settings.SECRET_KEY)
        self.learn("the database's password", settings.DATABASES["default"].get("PASSWORD"))
        self.learn("the mail server's password", settings.EMAIL_HOST_PASSWORD)
        self.learn("Entra's client secret", settings.ENTRA_CLIENT_SECRET)
        for key in settings.FIELD_KEYS:
            self.learn("a field key", key)

    def found(self) -> list[str]:
        """What stands where it must not, now that something has come to its end."""
        answers = [(f"an answer of {route}", body) for route, body in self.answers]
        return self.found_in([*self.spoken(), *answers, *tables()])

    def spoken(self) -> list[tuple[str, str]]:
        said = [("a log record", text) for text in self.said]
        return said + [("a message to the broker", text) for text in self.sent]

    def found_in(self, places: Iterable[tuple[str, str]]) -> list[str]:
        """In words that do not repeat it. Each place is its name and its text."""
        together: dict[str, list[str]] = {}
        for where, text in places:
            together.setdefault(where, []).append(text)
        return [
            f"{canary.what} ({canary.value[:4]}…) in {where}"
            for where, texts in sorted(together.items())
            for text in ["\n".join(texts)]
            for canary in self.canaries.values()
            if canary.stands_in(text)
            and where.removeprefix("an answer of ") not in canary.needed_by
        ]

    def turn_page(self, book: Watch) -> None:
        """What was learned, said and sent goes into the book; the rest is forgotten."""
        book.canaries |= self.canaries
        book.said += self.said
        book.sent += self.sent
        for kept in (self.canaries, self.answers, self.said, self.sent):
            kept.clear()


def tables() -> Iterator[tuple[str, str]]:
    """Every text of every table, by raw SQL; what sessions hold, unpacked."""
    with connection.cursor() as cursor:
        for name in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(name)}")
            columns = [column[0] for column in cursor.description]
            rows = cursor.fetchall()
            yield f"the table {name}", "\n".join(_texts(columns, rows))


def _texts(columns: list[str], rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            if isinstance(value, bytes | memoryview):
                yield bytes(value).decode(errors="replace")
            elif isinstance(value, str | dict | list):
                yield str(value)
            if column == "session_data" and value:
                yield repr(SessionStore().decode(value))


@contextmanager
def watching() -> Iterator[Watch]:
    """From now on until its end all that comes into being is learned, and all that leaves kept."""
    watch, listener = Watch(), Listener()
    listener.watch = watch
    patch = pytest.MonkeyPatch()
    patch.setattr(BaseHandler, "get_response", _answering(watch, BaseHandler.get_response))
    patch.setattr(MultiFernet, "encrypt", _sealing(watch, MultiFernet.encrypt))
    patch.setattr(requests.Session, "send", _asking(watch, requests.Session.send))
    patch.setattr(tokens, "write", _making(watch, tokens.write))
    patch.setattr(devices, "ask", _device(watch, devices.ask))
    patch.setattr(keys, "mint", _minting(watch, keys.mint))
    patch.setattr(codes, "make", _coding(watch, codes.make))

    def publishes(body: Any = None, headers: Any = None, properties: Any = None, **_: Any) -> None:
        watch.sent.append(repr((body, headers, properties)))

    def runs(args: Any = None, kwargs: Any = None, **_: Any) -> None:
        watch.sent.append(repr((args, kwargs)))

    signals = ((before_task_publish, publishes), (after_task_publish, publishes))
    for signal, receiver in (*signals, (task_prerun, runs)):
        signal.connect(receiver)
    logging.getLogger().addHandler(listener)
    try:
        yield watch
    finally:
        logging.getLogger().removeHandler(listener)
        for signal, receiver in (*signals, (task_prerun, runs)):
            signal.disconnect(receiver)
        patch.undo()


class Listener(logging.Handler):
    """Each record twice: as the code said it, before anything is taken out, and as it is written.
    What is only taken out at the last moment is wrong already."""

    watch: Watch
    line, an_object = OneLine(), OneObject()

    def emit(self, record: logging.LogRecord) -> None:
        raw = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            raw += "".join(traceback.format_exception(*record.exc_info))
        self.watch.said += [raw, self.line.format(record), self.an_object.format(record)]


def _answering(watch: Watch, original: Callable[..., Any]) -> Callable[..., Any]:
    def get_response(handler: Any, request: Any) -> Any:
        response = original(handler, request)
        for name, what in (
            (settings.SESSION_COOKIE_NAME, "a session cookie"),
            (settings.CSRF_COOKIE_NAME, "a CSRF cookie"),
            (settings.VENDOR_COOKIE_NAME, "a visit's cookie"),
        ):
            if name in response.cookies:
                watch.learn(what, response.cookies[name].value)
        if not response.streaming:
            route = request.resolver_match.view_name if request.resolver_match else "-"
            body = response.content.decode(errors="replace")
            watch.answers.append((route, f"{body}\n{response.get('Location', '')}"))
        return response

    return get_response


def _sealing(watch: Watch, original: Callable[..., Any]) -> Callable[..., Any]:
    def encrypt(keys: MultiFernet, plain: bytes) -> bytes:
        address = plain.startswith(b"http")
        routes = () if address else ("endpoint-new", "endpoint-secret")
        watch.learn("what was sealed", plain, *routes)
        return original(keys, plain)

    return encrypt


def _asking(watch: Watch, original: Callable[..., Any]) -> Callable[..., Any]:
    """What MSAL, Graph and Azure are asked and answer."""

    def send(session: requests.Session, request: Any, **more: Any) -> requests.Response:
        _learn_sent(watch, request)
        answer = original(session, request, **more)
        if "json" in answer.headers.get("Content-Type", ""):
            for name, value in _fields(answer.content):
                watch.learn(f"Entra's {name}", value)
            for link in LINK.findall(answer.text):
                handed = ("the address of a shareable link", link, "visit-open")
                watch.learn(*handed)
                watch.learn(handed[0], link.rsplit("/", 1)[1], handed[2])
        return answer

    return send


def _learn_sent(watch: Watch, request: Any) -> None:
    body = request.body.decode(errors="replace") if isinstance(request.body, bytes) else ""
    body = request.body if isinstance(request.body, str) else body
    form = "form-urlencoded" in request.headers.get("Content-Type", "")
    for name, values in (parse_qs(body) if form else {}).items():
        if name in OF_ENTRA:
            watch.learn(f"Entra's {name}", values[0])
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Bearer" and urlsplit(request.url).scheme == "https":
        watch.learn("Entra's access_token", bearer)


def _fields(content: bytes) -> list[tuple[str, str]]:
    try:
        told = json.loads(content)
    except ValueError:
        return []
    rows = told.items() if isinstance(told, dict) else []
    return [(name, value) for name, value in rows if name in OF_ENTRA and isinstance(value, str)]


def _making(watch: Watch, original: Callable[..., Any]) -> Callable[..., Any]:
    def write(*args: Any, **more: Any) -> Any:
        made = original(*args, **more)
        watch.learn("a personal token", made.secret, "token-new", "api-device-token")
        return made

    return write


def _device(watch: Watch, original: Callable[..., Any]) -> Callable[..., Any]:
    def ask(*args: Any, **more: Any) -> Any:
        asked = original(*args, **more)
        watch.learn("a device code", asked.device_code, "api-device")
        watch.learn("a user code", asked.user_code, "api-device", "device")
        return asked

    return ask


def _minting(watch: Watch, original: Callable[..., str]) -> Callable[..., str]:
    """The landing holds it, in the address that its form is sent to."""

    def mint(*args: Any, **more: Any) -> str:
        made = original(*args, **more)
        watch.learn("a vendor's key", made, "visit", "visit-send", "visit-language")  # leads back
        return made

    return mint


def _coding(watch: Watch, original: Callable[..., Any]) -> Callable[..., Any]:
    def make(*args: Any, **more: Any) -> Any:
        made = original(*args, **more)
        if made is not None:
            watch.learn("a vendor's code", made[0])
        return made

    return make
