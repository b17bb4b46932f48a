"""The HTTP server: a thread for each connection, connections that are kept, and real resets."""

import os
import socket
import struct
import sys
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from portal.azure.simulator.answers import Refused, Reply
from portal.azure.simulator.app import Asked, Simulator

AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset
BROKEN = Refused(500, "SimulatorBroken", "The simulator has an error of its own; see its output.")


class Server(ThreadingHTTPServer):
    """Binds when it is made: raises ``OSError`` if the port is taken."""

    request_queue_size = 128
    app: Simulator

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), Handler)

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's would ask the name service who we are

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers come and go; only errors of our own are worth a word."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "SimulatedAzure"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave together
    server: Server

    def _answer(self) -> None:
        told = self.headers.get("Content-Length", "")
        length = int(told) if told.isdigit() else 0
        body = self.rfile.read(length)  # before any lock is taken: a slow sender delays nobody
        if len(body) < length:
            self.close_connection = True
            return
        try:
            self._send(self.server.app.reply(self._asked(body)))
        except ConnectionResetError:
            self._reset()
        except Exception:  # noqa: BLE001 - whatever it is, it must not look like Azure's doing
            traceback.print_exc()
            self._send(BROKEN.answer().reply())

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

    def _asked(self, body: bytes) -> Asked:
        parts = urlsplit(self.path)
        return Asked(
            method=self.command,
            path=f"/{unquote(parts.path).strip('/')}",
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            remote=str(self.client_address[0]),
        )

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def _reset(self) -> None:
        """The caller never learns what became of its call."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        os.close(self.connection.detach())

    def log_message(self, *_: object) -> None:
        """Quiet: the record says what happened."""
