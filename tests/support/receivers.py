"""Who is told, on this machine: a mail server, and an HTTP service that answers as it should."""

from __future__ import annotations

import email
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller


class Inbox:
    """What a mail server took over. ``refuse``: its answer in place of taking the next ones."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.to: list[list[str]] = []
        self.refuse = ""
        self.refuse_address = ""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, _: Any
    ) -> str:
        if address == self.refuse_address:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.refuse:
            return self.refuse
        self.raw.append(envelope.content)
        self.to.append(envelope.rcpt_tos)
        return "250 taken"

    @property
    def mails(self) -> list[EmailMessage]:
        return [email.message_from_bytes(raw, policy=default) for raw in self.raw]  # type: ignore[misc]

    def to_whom(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if mail["To"] == address]


@contextmanager
def mail_server() -> Iterator[Inbox]:
    inbox = Inbox()
    inbox.controller.start()
    try:
        yield inbox
    finally:
        inbox.controller.stop()


@dataclass
class Got:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Service:
    """Answers every POST with ``status``, ``answer`` and ``headers``, after ``wait`` seconds."""

    status: int = 200
    answer: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    got: list[Got] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"

    @property
    def address(self) -> str:
        return f"{self.scheme}://localhost:{self.port}/hook/secret-path"


@contextmanager
def http_service(tls: Any = None, **settings: Any) -> Iterator[Service]:
    service = Service(**settings)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            got = Got(self.path, dict(self.headers.items()), self.rfile.read(length))
            service.got.append(got)
            time.sleep(service.wait)
            self.send_response(service.status)
            for name, value in service.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(service.answer)
            except OSError:
                return

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        service.scheme = "https"
    service.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
