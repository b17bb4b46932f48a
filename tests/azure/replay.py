"""A server that answers with recordings, so that client code meets what Azure really said."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Recording = dict[str, Any]
TOKEN = {
    "access_token": "static:replay",
    "expires_on": "9999999999",
    "token_type": "Bearer",
    "resource": "x",
}
NOT_RECORDED = {"status": 501, "body": {"error": {"code": "NotRecorded", "message": ""}}}


class Replay:
    """Answers each (method, path) with its recordings in their order, the last one for ever."""

    def __init__(self, entries: list[Recording]) -> None:
        self.entries = list(entries)
        self.seen: list[tuple[Recording, Any]] = []  # (answer, what had been sent)

    def answer(self, method: str, path: str, sent: Any) -> Recording:
        if path == "/msi/token":
            return {"status": 200, "body": TOKEN}
        asked = (method, path.lower())
        fitting = [e for e in self.entries if (e["method"], e["path"].lower()) == asked]
        if not fitting:
            return NOT_RECORDED
        if len(fitting) > 1:
            self.entries.remove(fitting[0])
        self.seen.append((fitting[0], sent))
        return fitting[0]


@contextmanager
def replaying(*entries: Recording) -> Iterator[tuple[Replay, int]]:
    replay = Replay(list(entries))

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path
            entry = replay.answer(self.command, path, json.loads(sent or b"null"))
            body = json.dumps(entry["body"]).encode()
            self.send_response(entry["status"])
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield replay, server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


def original(entry: dict[str, Any]) -> Recording:
    """A session record of another project's test run, in our form."""
    body = entry["ResponseBody"]
    return {
        "method": entry["RequestMethod"],
        "path": urlsplit(entry["RequestUri"]).path,
        "status": entry["StatusCode"],
        "body": json.loads(body) if body[:1] in '{["n' else None,
        "sent": json.loads(entry["RequestBody"]) if entry.get("RequestBody") else None,
    }
