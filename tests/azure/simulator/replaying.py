"""Recorded answers: reading them, serving them to the SDK, comparing the simulator with them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HERE = Path(__file__).parent / "recorded"
ARM = "https://management.azure.com"
# What is compared between a recorded answer and the simulator's: the status, these headers by
# name (present if recorded), the long-running headers also the other way round (absent if not
# recorded), whether x-ms-request-id is empty, and the body's shape: names, nesting and types.
HEADERS = frozenset(
    {
        "location",
        "azure-asyncoperation",
        "retry-after",
        "azure-asyncnotification",
        "x-ms-request-id",
        "x-ms-correlation-request-id",
        "x-ms-routing-request-id",
        "x-ms-failure-cause",
        "x-ms-ratelimit-remaining-subscription-writes",
        "x-ms-ratelimit-remaining-subscription-reads",
        "x-ms-ratelimit-remaining-subscription-resource-requests",
        "x-ms-arm-service-request-id",
        "cache-control",
        "pragma",
        "expires",
        "strict-transport-security",
        "x-content-type-options",
        "x-cache",
    }
)
ONLY_IF_RECORDED = frozenset({"location", "azure-asyncoperation", "retry-after"})


@dataclass
class Entry:
    method: str
    path: str  # with its query
    request: Any
    status: int
    headers: dict[str, str]  # names in lower case; "{base}" where a host was
    body: Any

    @property
    def plain_path(self) -> str:
        return urlsplit(self.path).path

    @property
    def word(self) -> str:
        """The last part of the path: what is asked, or the name of what is read."""
        return self.plain_path.rsplit("/", 1)[1]

    @property
    def polls(self) -> str:
        """Which of the two addresses of an operation this is, or ""."""
        before = self.plain_path.rsplit("/", 2)[1]
        return before if before in {"operations", "operationResults"} else ""


def transcribed(name: str) -> list[Entry]:
    rows = json.loads((HERE / f"{name}.json").read_text())["entries"]
    return [
        Entry(**{**row, "headers": {key.lower(): value for key, value in row["headers"].items()}})
        for row in rows
    ]


def original(path: Path) -> list[Entry]:
    """A session record in the form of Microsoft's test recorder."""
    return [_entry(row) for row in json.loads(path.read_text())["Entries"]]


def _entry(row: dict[str, Any]) -> Entry:
    headers = {
        name.lower(): values[0].replace(ARM, "{base}")
        for name, values in row["ResponseHeaders"].items()
    }
    return Entry(
        row["RequestMethod"],
        row["RequestUri"],
        _parsed(row["RequestBody"]),
        row["StatusCode"],
        headers,
        _parsed(row["ResponseBody"]),
    )


def _parsed(text: str) -> Any:
    """Empty, or a transcriber's remark about a body not seen, is nothing."""
    return json.loads(text) if text and not text.startswith("(") else None


@contextmanager
def served(entries: list[Entry]) -> Iterator[str]:
    """The base URL of a server that answers each (method, path) in the recorded order."""
    waiting = list(entries)

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = (self.command, urlsplit(self.path).path.lower())
            for entry in waiting:
                if (entry.method, entry.plain_path.lower()) == asked:
                    waiting.remove(entry)
                    self._send(entry)
                    return
            self.send_error(599, f"not recorded: {asked}")

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

        def _send(self, entry: Entry) -> None:
            body = json.dumps(entry.body).encode()
            self.send_response(entry.status)
            own = {"content-length", "transfer-encoding", "date", "server", "retry-after"}
            for name, value in entry.headers.items():
                if name not in own:
                    host, port = self.server.server_address[:2]
                    self.send_header(name, value.replace("{base}", f"http://{host!s}:{port}"))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
        assert waiting == [], "the SDK did not ask for everything that was recorded"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def shape(value: Any) -> Any:
    """Names, nesting and types; of a list, the different shapes that occur in it."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in sorted(value.items())}
    if isinstance(value, list):
        return sorted({json.dumps(shape(each), sort_keys=True) for each in value})
    return type(value).__name__


def differences(
    entry: Entry, answer: tuple[int, dict[str, str], Any], *, known: frozenset[str]
) -> list[str]:
    """Where the simulator's answer differs from the recorded one, in words; none is good.

    ``known``: headers and names in bodies that are excused, each for a reason told by the test.
    """
    status, headers, body = answer
    found = [] if status == entry.status else [f"status {status}, recorded {entry.status}"]
    missing = (HEADERS & set(entry.headers)) - set(headers) - known
    surplus = (ONLY_IF_RECORDED & set(headers)) - set(entry.headers) - known
    found += [f"header {name} is missing" for name in sorted(missing)]
    found += [f"header {name} was not recorded" for name in sorted(surplus)]
    empty = (headers.get("x-ms-request-id") == "", entry.headers.get("x-ms-request-id") == "")
    if "x-ms-request-id" in entry.headers and empty[0] != empty[1]:
        found += [] if "empty x-ms-request-id" in known else ["x-ms-request-id empty or not"]
    ours, recorded = shape(_without(body, known)), shape(_without(entry.body, known))
    return found if ours == recorded else [*found, f"body {ours}, recorded {recorded}"]


def _without(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without(each, names) for name, each in value.items() if name not in names}
    return [_without(each, names) for each in value] if isinstance(value, list) else value
