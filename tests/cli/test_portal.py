"""Speaking to a portal that is slow, broken, somewhere else, or not what it says it is."""

from __future__ import annotations

import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from bastion_access import portal as speaking
from bastion_access.address import on_portal, portal_address
from bastion_access.errors import CliError, NotSignedIn, Refused, Unreachable, Wrong
from bastion_access.portal import Portal

Answer = tuple[int, dict[str, str], Any]
PROBLEM = {"Content-Type": "application/problem+json"}


@contextmanager
def answering(
    answers: list[Answer], context: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[tuple[str, str, dict[str, str]]]]]:
    """A server that gives these answers, the last one again and again; and what it was asked."""
    asked: list[tuple[str, str, dict[str, str]]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append((self.command, self.path, dict(self.headers)))
            status, headers, body = answers[min(len(asked), len(answers)) - 1]
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(raw)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        do_POST = do_DELETE = do_GET  # noqa: N815 # as the library calls them

        def log_message(self, *_args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    scheme = "http" if context is None else "https"
    try:
        yield f"{scheme}://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(speaking.time, "sleep", found.append)
    return found


class TestAddress:
    @pytest.mark.parametrize(
        ("typed", "is_"),
        [
            ("access.example.test", "https://access.example.test"),
            (" https://Access.Example.test/ ", "https://access.example.test"),
            ("https://access.example.test:443", "https://access.example.test"),
            ("https://access.example.test:8443", "https://access.example.test:8443"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("http://localhost:8000/", "http://localhost:8000"),
            ("http://[::1]:8000", "http://[::1]:8000"),
        ],
    )
    def test_what_is_one(self, typed: str, is_: str) -> None:
        assert portal_address(typed) == is_

    @pytest.mark.parametrize(
        "typed",
        [
            "http://access.example.test",
            "http://127.0.0.1.example.test",
            "http://10.0.0.1",
            "http://[::2]",
            "https://",
            "ftp://access.example.test",
            "https://me:secret@access.example.test",
            "https://access.example.test/api",
            "https://access.example.test?x=1",
            "https://access.example.test#x",
            "https://access.example.test:x",
            "https://a b",
            "https://access.example.test\\@evil.test",
            "-https://x",
        ],
    )
    def test_what_is_none(self, typed: str) -> None:
        with pytest.raises(Wrong):
            portal_address(typed)

    def test_a_page_is_always_on_the_portal_itself(self) -> None:
        there = "http://inner:8000/device/?code=WDJB-MJHT"
        here = "https://access.example.test/device/?code=WDJB-MJHT"
        assert on_portal("https://access.example.test", there) == here


class TestAnswers:
    def test_a_problem_is_a_sentence(self) -> None:
        body = {"type": "urn:bastion-access:invalid", "status": 400, "detail": "No.",
                "errors": {"minutes": ["Too long."], "others": [{"port": ["Odd."]}]}}  # fmt: skip
        with answering([(400, PROBLEM, body)]) as (url, _), pytest.raises(Refused) as refused:
            Portal(url).post("requests/", {})
        assert (refused.value.kind, str(refused.value)) == ("invalid", "No.")
        assert refused.value.fields == {"minutes": ["Too long."], "others.0.port": ["Odd."]}

    def test_401_says_what_to_do(self) -> None:
        unknown = (401, PROBLEM, {"detail": "Unknown."})
        with answering([unknown]) as (url, _), pytest.raises(NotSignedIn, match="sign-in"):
            Portal(url, "bax_x").get("me/")

    @pytest.mark.parametrize("body", [b"<html>hello</html>", [], b""])
    def test_something_that_is_no_portal(self, body: Any) -> None:
        with answering([(200, {}, body)]) as (url, _), pytest.raises(CliError, match="Is the addr"):
            Portal(url).get("me/")

    def test_a_redirect_gets_no_token(self) -> None:
        """X-48: the token goes where it was made for, and nowhere else."""
        with answering([(200, {}, {})]) as (elsewhere, there):
            moved = (302, {"Location": f"{elsewhere}/api/v1/me/"}, b"")
            with answering([moved]) as (url, _), pytest.raises(CliError, match="leads elsewhere"):
                Portal(url, "bax_x").get("me/")
        assert there == []

    def test_a_next_page_elsewhere_is_asked_here(self) -> None:
        with answering([(200, {}, {})]) as (elsewhere, there):
            first = {"results": [{"id": 1}], "next": f"{elsewhere}/api/v1/x/?cursor=abc"}
            pages = [(200, {}, first), (200, {}, {"results": [{"id": 2}], "next": None})]
            with answering(pages) as (url, asked):
                assert [row["id"] for row in Portal(url, "bax_x").rows("x/", most=9)] == [1, 2]
        assert there == []
        assert asked[1][1] == "/api/v1/x/?cursor=abc"

    @pytest.mark.parametrize(("told", "waits"), [("7", 7), ("", 5), ("soon", 5)])
    def test_retry_after_is_kept(self, told: str, waits: float, pauses: list[float]) -> None:
        slow = (429, {**PROBLEM, "Retry-After": told}, {"detail": "Slow."})
        with answering([slow, (200, {}, {"ok": 1})]) as (url, _):
            assert Portal(url).post("x/", {}) == {"ok": 1}
        assert pauses == [waits]

    def test_retry_after_as_a_date(self, pauses: list[float]) -> None:
        from datetime import UTC, datetime, timedelta
        from email.utils import format_datetime

        later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
        slow = (429, {"Retry-After": later}, {})
        with answering([slow, (200, {}, {})]) as (url, _):
            Portal(url).get("x/")
        assert 25 < pauses[0] <= 30

    def test_what_takes_too_long_is_said(self, pauses: list[float]) -> None:
        slow, words = (429, {"Retry-After": "3600"}, {"detail": "Slow."}), "Try again in 3600 s"
        with answering([slow]) as (url, asked), pytest.raises(Refused, match=words):
            Portal(url).get("x/")
        assert (pauses, len(asked)) == ([], 1)

    def test_only_what_is_safe_is_repeated(self, pauses: list[float]) -> None:
        with answering([(502, {}, b""), (200, {}, {})]) as (url, asked):
            Portal(url).repeat("x/", {})
        keys = [headers["Idempotency-Key"] for _, _, headers in asked]
        assert len(set(keys)) == 1
        with answering([(502, {}, b""), (200, {}, {})]) as (url, asked), pytest.raises(Refused):
            Portal(url).post("x/", {})
        assert len(asked) == 1

    def test_nobody_there(self, pauses: list[float]) -> None:
        with pytest.raises(Unreachable, match="cannot be reached"):
            Portal("http://127.0.0.1:9").get("x/")
        assert len(pauses) == 2


class TestTls:
    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    @pytest.fixture
    def context(self, authority: trustme.CA) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(made)
        return made

    def test_is_always_verified(
        self, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
    ) -> None:
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        monkeypatch.delenv("SSL_CERT_DIR", raising=False)
        server, words = answering([(200, {}, {})], context), "SSL_CERT_FILE"
        with server as (url, asked), pytest.raises(Unreachable, match=words):
            Portal(url, "bax_x").get("me/")
        assert asked == []

    def test_a_company_signs_its_own(
        self, authority: trustme.CA, context: ssl.SSLContext, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with answering([(200, {}, {"ok": 1})], context) as (url, _):
            assert Portal(url, "bax_x").get("me/") == {"ok": 1}

    def test_plain_http_only_here(self) -> None:
        with pytest.raises(CliError, match="https"):
            Portal("http://access.example.test", "bax_x").get("me/")


def test_plain_http_passes_every_proxy_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with answering([(200, {}, {"ok": 1})]) as (url, _):
        assert Portal(url).get("me/") == {"ok": 1}
