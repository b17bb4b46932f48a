"""What is worth a trace: what somebody clicked, and what workers do because of it or of time."""

from collections.abc import Sequence

from django.conf import settings
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

BEGIN = (SpanKind.SERVER, SpanKind.CONSUMER)
QUIET_TASKS = {"run " + entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}


class WorkOnly(Sampler):
    """A trace begins with a request or a task that is no mere look at the clock; whether it is one
    of those that are kept is for ``chosen`` to say. A query outside of both begins none."""

    def __init__(self, chosen: Sampler) -> None:
        self.chosen = chosen

    def should_sample(  # noqa: PLR0913 - as OpenTelemetry has it
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,  # noqa: ARG002
    ) -> SamplingResult:
        parent = trace.get_current_span(parent_context).get_span_context()
        if parent.is_valid and parent.trace_flags.sampled:
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)
        if kind not in BEGIN or name in QUIET_TASKS:
            return SamplingResult(Decision.DROP)
        return self.chosen.should_sample(Context(), trace_id, name, kind, attributes, links)

    def get_description(self) -> str:
        return f"WorkOnly({self.chosen.get_description()})"
