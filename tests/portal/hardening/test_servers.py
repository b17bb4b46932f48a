"""Gunicorn and waitress as they are started, asked over a socket with what attackers send."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from portal.embedded import parts
from tests.portal.hardening.conftest import HOST, Server, free_port
from tests.portal.hardening.echo import application

SPOOFED = (
    "X-Forwarded-Proto: https",
    "X-Forwarded-Ssl: on",
    "X-Forwarded-Protocol: ssl",
    "X-Forwarded-Host: evil.test",
    "X-Forwarded-Port: 443",
    "X-Forwarded-Prefix: /evil",
    "Forwarded: for=1.2.3.4;proto=https;host=evil.test",
    "X-Forwarded-For: 1.2.3.4",
    "X-Real-IP: 1.2.3.4",
)
UNDERSCORES = (
    "X_Forwarded_Proto: https",
    "X_FORWARDED_FOR: 1.2.3.4",
    "X_Forwarded-Proto: https",
    "X_MS_CLIENT_PRINCIPAL: eyJ",
    "SCRIPT_NAME: /evil",
    "PATH_INFO: /evil",
    "REMOTE_USER: dana",
    "Content_Length: 5",
)
SMUGGLED = {
    "two lengths": "Content-Length: 5\r\nContent-Length: 6",
    "a length and chunks": "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "an unknown coding": "Transfer-Encoding: xchunked",
    "chunks twice": "Transfer-Encoding: chunked, identity\r\nTransfer-Encoding: chunked",
    "a signed length": "Content-Length: +5",
    "a length in hexadecimal": "Content-Length: 0x5",
    "a folded line": "X-One: a\r\n b",
    "a space before the colon": "Transfer-Encoding : chunked",
    "NUL in a value": "X-One: a\0b",
}


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of ``make run``, with ``echo`` in the portal's place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "application", application)
        port = free_port()
        web = parts.Web(port)
        web.start()
        yield Server(port, tmp_path_factory.mktemp("waitress"))
        web.stop()


class TestGunicorn:
    def test_it_does_not_say_what_it_is(self, echoing: Server, alone: Server):
        for answer in (
            echoing.get(),
            alone.get("/sign-in/"),
            alone.get("/none/"),
            echoing.send(b"x\r\n\r\n"),
        ):
            assert "server" not in answer.headers
            assert b"gunicorn" not in answer.body.split(b"SERVER_SOFTWARE")[0]

    @pytest.mark.parametrize("header", SPOOFED)
    def test_no_client_says_which_scheme_or_address_it_has(self, echoing: Server, header: str):
        """From this machine's own address too, which gunicorn would believe."""
        seen = echoing.get("/", header).seen
        assert (seen["scheme"], seen["REMOTE_ADDR"]) == ("http", "127.0.0.1")
        assert seen["SCRIPT_NAME"] == ""

    @pytest.mark.parametrize("header", UNDERSCORES)
    def test_names_with_underscores_are_refused(self, echoing: Server, header: str):
        """They would be the same variable as the name with a dash (CVE-2026-3902)."""
        assert echoing.get("/", header).status == 400

    @pytest.mark.parametrize("header", SMUGGLED.values(), ids=list(SMUGGLED))
    def test_what_two_servers_could_read_differently_is_refused(self, echoing: Server, header: str):
        raw = f"POST / HTTP/1.1\r\nHost: {HOST}\r\n{header}\r\n\r\nabcde"
        assert echoing.send(raw.encode("latin-1")).status in (0, 400, 501)

    @pytest.mark.parametrize("method", ["get", "FOO BAR", "G\x01T", "", "GET\t"])
    def test_methods_that_are_none_are_refused(self, echoing: Server, method: str):
        raw = f"{method} / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
        assert echoing.send(raw.encode()).status in (0, 400)

    def test_addresses_and_headers_have_their_limits(self, echoing: Server):
        assert echoing.get("/" + "a" * 3000).status == 200
        assert echoing.get("/" + "a" * 5000).status in (400, 414)
        assert echoing.get("/", "X-One: " + "a" * 9000).status in (400, 431)
        assert echoing.get("/", *(f"X-{n}: a" for n in range(70))).status in (400, 431)


class TestWaitress:
    def test_it_does_not_say_what_it_is(self, embedded: Server):
        assert "server" not in embedded.get().headers

    @pytest.mark.parametrize("header", [*SPOOFED, *UNDERSCORES])
    def test_what_a_client_says_of_itself_is_dropped(self, embedded: Server, header: str):
        answer = embedded.get("/", header)
        assert answer.status in (200, 400)
        if answer.status == 200:
            seen = answer.seen
            assert (seen["scheme"], seen["REMOTE_ADDR"]) == ("http", "127.0.0.1")
            assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == ("", "/")
            assert "REMOTE_USER" not in seen
            assert "HTTP_X_FORWARDED_PROTO" not in seen
            assert "HTTP_X_MS_CLIENT_PRINCIPAL" not in seen

    @pytest.mark.parametrize("header", ["Transfer-Encoding: xchunked", "Content-Length: +5"])
    def test_what_two_servers_could_read_differently_is_refused(
        self, embedded: Server, header: str
    ):
        raw = f"POST / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n{header}\r\n\r\nabcde"
        assert embedded.send(raw.encode()).status in (0, 400, 501)


class TestPortal:
    """Production settings behind gunicorn. What Django believes shows in where it leads."""

    def test_without_a_proxy_a_client_cannot_claim_https(self, alone: Server):
        for header in SPOOFED:
            answer = alone.get("/sign-in/", header)
            assert answer.status == 301, header
            assert answer.headers["location"] == f"https://{HOST}/sign-in/"

    def test_behind_a_proxy_its_word_counts(self, proxied: Server):
        assert proxied.get("/sign-in/").status == 301
        answer = proxied.get("/sign-in/", "X-Forwarded-Proto: https")
        assert answer.status == 200
        assert answer.headers["strict-transport-security"].startswith("max-age=31536000")

    def test_and_no_other_spelling_of_it(self, proxied: Server):
        assert proxied.get("/sign-in/", "X_Forwarded_Proto: https").status == 400
        both = ("X-Forwarded-Proto: http", "X-Forwarded-Proto: https")
        assert proxied.get("/sign-in/", *both).status == 301

    @pytest.mark.parametrize(
        "host",
        [
            "evil.test",
            f"{HOST}.evil.test",
            f"{HOST}@evil.test",
            f"{HOST}:80@evil.test",
            "",
            "a b",
            "127.0.0.1",
        ],
    )
    def test_another_host_is_refused(self, proxied: Server, host: str):
        answer = proxied.get("/sign-in/", "X-Forwarded-Proto: https", host=host)
        assert answer.status == 400
        assert b"evil" not in answer.body

    def test_two_hosts_are_refused_or_the_first_wins(self, proxied: Server):
        answer = proxied.get("/requests/", "X-Forwarded-Proto: https", "Host: evil.test")
        assert answer.status in (302, 400)
        assert "evil" not in answer.headers.get("location", "")

    def test_x_forwarded_host_is_never_read(self, proxied: Server):
        answer = proxied.get("/sign-in/", "X-Forwarded-Host: evil.test")
        assert answer.headers["location"] == f"https://{HOST}/sign-in/"

    def test_nothing_that_was_typed_into_an_address_reaches_the_log(self, proxied: Server):
        """X-82: codes of a sign-in come in addresses."""
        proxied.get("/sign-in/?code=canary-9f3c&next=/canary-9f3c/", "X-Forwarded-Proto: https")
        proxied.get("/none/?q=canary-9f3c", "X-Forwarded-Proto: https", "Referer: canary-9f3c")
        proxied.get("/none/?q=canary-9f3c", "X_Bad: canary-9f3c")
        assert "canary-9f3c" not in proxied.log.read_text()
