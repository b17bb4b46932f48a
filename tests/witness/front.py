"""What stands between the Azure command line and the simulator, and is no part of either.

``az`` sends its token over TLS only, and finds its tenant inside of the token. The simulator
speaks plain http and gives out ``static:NAME``. So this ends the TLS, and puts the one form of
token for the other; everything else passes through as it is, except that addresses of ours in an
answer begin with https.
"""

from __future__ import annotations

import base64
import datetime as dt
import http.client
import ipaddress
import json
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

TENANT = "99999999-9999-9999-9999-999999999999"
BEARER, STATIC = "Bearer ", "static:"
HOP_BY_HOP = frozenset({"connection", "content-length", "date", "server", "transfer-encoding"})


class Front(ThreadingHTTPServer):
    """``calls``: what was asked, as ``GET /subscriptions``, with the status it met."""

    def __init__(self, behind: int, certificate: Path, key: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behind, self.certificate = behind, certificate
        self.calls: list[tuple[str, int]] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        # The handshake comes with the first read, in the thread of its own connection.
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )

    @property
    def url(self) -> str:
        return f"https://localhost:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # callers come and go
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One call for each connection, as HTTP/1.0 has it: nothing is left open."""

    server: Front

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        behind = http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=30)
        try:
            behind.request(self.command, self.path, body or None, self._headers())
            answer = behind.getresponse()
            self._answer(answer, answer.read())
        finally:
            behind.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815

    def _headers(self) -> dict[str, str]:
        """The name by which we were asked stays, so that the answer's addresses lead back here."""
        kept = {name: value for name, value in self.headers.items() if _travels(name)}
        kept.pop("Accept-Encoding", None)
        told = kept.get("Authorization", "")
        if told.startswith(BEARER):
            kept["Authorization"] = f"{BEARER}{STATIC}{_principal(told.removeprefix(BEARER))}"
        return kept

    def _answer(self, answer: http.client.HTTPResponse, body: bytes) -> None:
        path = urlsplit(self.path).path
        self.server.calls.append((f"{self.command} {path}", answer.status))
        if path == "/msi/token" and answer.status == http.HTTPStatus.OK:
            body = _with_jwt(body)
        plain, ours = self.server.url.replace("https", "http", 1), self.server.url
        body = body.replace(plain.encode(), ours.encode())
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if _travels(name):
                self.send_header(name, value.replace(plain, ours))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet: ``calls`` says what happened."""


@contextmanager
def standing(behind: int, folder: Path) -> Iterator[Front]:
    """``behind``: the simulator's port. ``folder``: for the certificate."""
    certificate, key = _certificate(folder)
    with Front(behind, certificate, key) as front:
        thread = threading.Thread(target=front.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        try:
            yield front
        finally:
            front.shutdown()
            thread.join()


def _travels(header: str) -> bool:
    return header.lower() not in HOP_BY_HOP


def _with_jwt(body: bytes) -> bytes:
    told = json.loads(body)
    name = told["access_token"].removeprefix(STATIC)
    claims = {"tid": TENANT, "oid": name, "appid": name, "aud": told["resource"]}
    now = int(time.time())
    claims |= {"iat": now, "nbf": now, "exp": int(told["expires_on"])}
    parts = [json.dumps(each).encode() for each in ({"alg": "none", "typ": "JWT"}, claims)]
    words = [base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in parts]
    return json.dumps({**told, "access_token": f"{'.'.join(words)}."}).encode()


def _principal(token: str) -> str:
    claims = token.split(".")[1]
    padded = claims + "=" * (-len(claims) % 4)
    return str(json.loads(base64.urlsafe_b64decode(padded))["appid"])


def _certificate(folder: Path) -> tuple[Path, Path]:
    """For this machine alone and for a day; it vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private
