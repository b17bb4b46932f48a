"""A container of Blob Storage as outside memory, through Azure's own library, over TLS.

The server here is the tests' own: as much of the service as the portal uses, written from its
documentation. That Azure answers alike is not shown by it.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import trustme

from access.anchoring.store import Changed, NotKept
from portal.anchor.blob import Container
from tests.support.azure import SimulatedAzure


class Blobs(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Service)
        self.kept: dict[str, tuple[bytes, str]] = {}
        self.asked: list[tuple[str, str]] = []
        self.exists, self.fails, self.count = True, 0, 0


class Service(BaseHTTPRequestHandler):
    server: Blobs
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """It is quiet."""

    def _answer(self, status: int, body: bytes = b"", code: str = "", **more: str) -> None:
        self.send_response(status)
        for name, value in {"x-ms-version": "2025-05-05", "x-ms-error-code": code, **more}.items():
            if value:
                self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _begun(self) -> str:
        """The blob's name; empty where it was answered already."""
        url = urlsplit(self.path)
        self.server.asked.append((self.command, self.headers.get("Authorization", "")))
        if self.server.fails:
            self._answer(self.server.fails, code="ServerBusy")
            return ""
        if not self.server.exists:
            self._answer(404, code="ContainerNotFound")
            return ""
        return unquote(url.path.removeprefix("/deadlines")).lstrip("/") or "/"

    def do_GET(self) -> None:
        name = self._begun()
        if name == "/":
            prefix = parse_qs(urlsplit(self.path).query).get("prefix", [""])[0]
            found = [each for each in sorted(self.server.kept) if each.startswith(prefix)]
            blobs = "".join(f"<Blob><Name>{each}</Name><Properties/></Blob>" for each in found)
            listed = (
                f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Prefix>{prefix}'
                f"</Prefix><Blobs>{blobs}</Blobs><NextMarker/></EnumerationResults>"
            )
            self._answer(200, listed.encode(), Content_Type="application/xml")
        elif name and name not in self.server.kept:
            self._answer(404, code="BlobNotFound")
        elif name:
            data, tag = self.server.kept[name]
            about = f"bytes 0-{len(data) - 1}/{len(data)}"
            self._answer(206, data, ETag=tag, Content_Range=about, x_ms_blob_type="BlockBlob",
                         Last_Modified="Mon, 30 Nov 2026 00:00:00 GMT")  # fmt: skip

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        name = self._begun()
        if not name:
            return
        there = self.server.kept.get(name)
        if self.headers.get("If-None-Match") == "*" and there:
            self._answer(409, code="BlobAlreadyExists")
        elif "If-Match" in self.headers and (not there or self.headers["If-Match"] != there[1]):
            self._answer(412, code="ConditionNotMet")
        else:
            self.server.count += 1
            tag = f'"0x{self.server.count:016X}"'
            self.server.kept[name] = (data, tag)
            self._answer(201, ETag=tag, Last_Modified="Mon, 30 Nov 2026 00:00:00 GMT")

    def do_DELETE(self) -> None:
        name = self._begun()
        if name and self.server.kept.pop(name, None):
            self._answer(202)
        elif name:
            self._answer(404, code="BlobNotFound")


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[tuple[Blobs, Path]]:
    server, authority = Blobs(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server, tmp_path / "authority.pem"
    server.shutdown()
    server.server_close()


@pytest.fixture
def place(azure: SimulatedAzure, blobs: tuple[Blobs, Path]) -> Iterator[Container]:
    server, file = blobs
    url = f"https://localhost:{server.server_address[1]}/deadlines"
    made = Container(url, connection_verify=str(file))
    yield made
    made.client.close()


def test_what_is_written_is_read_and_listed(place: Container, blobs: tuple[Blobs, Path]) -> None:
    assert place.read("checkpoint") is None
    place.write("checkpoint", "line 1", over=None)
    place.write("manifests/a", "ä", over=None)
    kept = place.read("manifests/a")
    assert kept is not None
    assert kept.text == "ä"
    assert place.names("manifests") == ["manifests/a"]
    place.remove("manifests/a")
    place.remove("manifests/a")
    assert place.names("manifests") == []
    assert all(told.startswith("Bearer ") for _, told in blobs[0].asked)


def test_two_writers_do_not_overwrite_each_other(place: Container) -> None:
    place.write("manifests/a", "first", over=None)
    kept = place.read("manifests/a")
    assert kept is not None
    place.write("manifests/a", "second", over=kept.tag)
    with pytest.raises(Changed):
        place.write("manifests/a", "late", over=kept.tag)
    with pytest.raises(Changed):
        place.write("manifests/a", "as if it were new", over=None)


@pytest.mark.parametrize("how", ["the container is gone", "it answers 403", "it is down"])
def test_a_place_that_fails_is_no_empty_memory(
    place: Container, blobs: tuple[Blobs, Path], how: str
) -> None:
    """Taken for empty, it would be written anew, and a restore would not be noticed."""
    server, _ = blobs
    server.exists = how != "the container is gone"
    server.fails = 403 if how == "it answers 403" else 0
    if how == "it is down":
        server.shutdown()
        server.server_close()
    for act in (
        lambda: place.read("checkpoint"),
        lambda: place.names("manifests"),
        lambda: place.write("checkpoint", "x", over=None),
        lambda: place.remove("checkpoint"),
    ):
        with pytest.raises(NotKept):
            act()
