"""An OpenTelemetry collector on loopback: decodes what it is sent, and keeps every byte of it."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Told:
    """One span, as it arrived."""

    id: str
    parent: str
    trace: str
    name: str
    attributes: dict[str, Any]
    service: str


@dataclass
class Collector:
    url: str
    raw: list[bytes] = field(default_factory=list)
    spans: list[Told] = field(default_factory=list)

    def text(self) -> str:
        """All of it, to be searched."""
        return b"\n".join(self.raw).decode(errors="replace")

    def named(self, name: str) -> list[Told]:
        return [span for span in self.spans if span.name == name]

    def above(self, span: Told) -> list[str]:
        """The names from the first span of its trace down to this one."""
        known = {each.id: each for each in self.spans if each.trace == span.trace}
        names = [span.name]
        while span.parent in known:
            span = known[span.parent]
            names.append(span.name)
        return names[::-1]


@contextmanager
def collector() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            made.raw.append(body)
            made.spans.extend(_spans(body))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Collector(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


def _spans(body: bytes) -> Iterator[Told]:
    for group in ExportTraceServiceRequest.FromString(body).resource_spans:
        of = _values(group.resource.attributes)
        for scope in group.scope_spans:
            for span in scope.spans:
                yield Told(
                    id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    trace=span.trace_id.hex(),
                    name=span.name,
                    attributes=_values(span.attributes),
                    service=str(of.get("service.name", "")),
                )


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
