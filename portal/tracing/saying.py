"""What leaves the process: only what is on the list, and no text that somebody typed.

A library may hang an address on a span, and an address may be a way in. So nothing passes by
default: names are ours, and of an error only its class is told.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status

from portal.logs.redaction import redact

MAY_BE_SAID = frozenset(
    {
        "http.request.method", "http.method", "http.route",
        "http.response.status_code", "http.status_code", "error.type", "server.address",
        "db.system", "db.operation", "messaging.operation", "messaging.message.id",
        "portal.request_id", "portal.task", "azure.call", "azure.client_request_id",
        "azure.correlation_id",
    }
)  # fmt: skip
Value = str | bool | int | float


class OnlyWhatMayBeSaid(SpanExporter):
    """In front of the exporter that sends."""

    def __init__(self, sender: SpanExporter) -> None:
        self.sender = sender

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self.sender.export([said_of(span) for span in spans])

    def shutdown(self) -> None:
        self.sender.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self.sender.force_flush(timeout_millis)


def said_of(span: ReadableSpan) -> ReadableSpan:
    """The same span without events, links and texts of errors, which quote what went wrong."""
    return ReadableSpan(
        name=redact(span.name),
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes=_allowed(span.attributes or {}),
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _allowed(attributes: Mapping[str, Any]) -> dict[str, Value]:
    return {
        name: redact(value) if isinstance(value, str) else value
        for name, value in attributes.items()
        if name in MAY_BE_SAID and isinstance(value, Value)
    }
