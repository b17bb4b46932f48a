"""One span for each task, below what called for it: the message carries the trace in its headers,
beside the request's id. Whoever can write to the broker can write any; it decides nothing.
"""

from contextvars import Token
from threading import get_ident
from typing import Any

from celery.signals import before_task_publish, task_failure, task_postrun, task_prerun
from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import Span, SpanKind, StatusCode

from portal.logs import trail

PARENT = "traceparent"
tracer = trace.get_tracer("portal")
# By Celery's id and the thread: a message that came twice may be at work twice at once.
_begun: dict[tuple[str, int], tuple[Span, Token[Context]]] = {}


class _Headers(Getter[Any]):
    """Celery makes a message's headers attributes of the task's request."""

    def get(self, carrier: Any, key: str) -> list[str] | None:
        found = getattr(carrier, key, None) if key == PARENT else None
        return [found] if isinstance(found, str) else None

    def keys(self, carrier: Any) -> list[str]:  # noqa: ARG002
        return [PARENT]


@before_task_publish.connect
def carry(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if headers is not None and trace.get_current_span().get_span_context().is_valid:
        propagate.inject(headers)


@task_prerun.connect
def arrive(task_id: str, task: Any, **_: Any) -> None:
    above = propagate.extract(task.request, Context(), _Headers())
    known = {"portal.task": task.name, "portal.request_id": trail.request_id()}
    span = tracer.start_span(
        f"run {task.name}", above, SpanKind.CONSUMER, {k: v for k, v in known.items() if v}
    )
    _begun[task_id, get_ident()] = span, context.attach(trace.set_span_in_context(span, above))


@task_failure.connect
def fail(task_id: str, exception: BaseException, **_: Any) -> None:
    if (here := (task_id, get_ident())) in _begun:
        span, _token = _begun[here]
        span.set_status(StatusCode.ERROR)
        span.set_attribute("error.type", type(exception).__name__)


@task_postrun.connect
def leave(task_id: str, **_: Any) -> None:
    found = _begun.pop((task_id, get_ident()), None)
    if found is not None:
        span, token = found
        context.detach(token)
        span.end()
