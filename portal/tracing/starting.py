"""Once for each process, before its first request or task."""

from django.conf import settings
from django.db.backends.signals import connection_created
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from portal.tracing import calls, queries
from portal.tracing import tasks as _tasks  # noqa: F401 - connects to Celery's signals
from portal.tracing.sampling import WorkOnly
from portal.tracing.saying import OnlyWhatMayBeSaid

MIDDLEWARE = "portal.tracing.clicks.Traced"
RIGHT_AFTER = "portal.logs.requests.RequestTrail"  # which has given the request its id


def start() -> None:
    """From now on this process tells of its work. Again: nothing more."""
    if MIDDLEWARE in settings.MIDDLEWARE:
        return
    at = settings.MIDDLEWARE.index(RIGHT_AFTER) + 1
    settings.MIDDLEWARE = [*settings.MIDDLEWARE[:at], MIDDLEWARE, *settings.MIDDLEWARE[at:]]
    provider = TracerProvider(resource=_resource())
    provider.sampler = WorkOnly(provider.sampler)  # around the one that OTEL_TRACES_SAMPLER names
    provider.add_span_processor(BatchSpanProcessor(OnlyWhatMayBeSaid(_exporter())))
    trace.set_tracer_provider(provider)
    propagate.set_global_textmap(TraceContextTextMapPropagator())  # never baggage
    RequestsInstrumentor().instrument(request_hook=calls.describe)
    connection_created.connect(queries.watch)


def _resource() -> Resource:
    """As OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say; the name else is ours."""
    named = Resource.create()
    ours = {SERVICE_NAME: "bastion-access"}
    if str(named.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        return named.merge(Resource(ours))
    return named


def _exporter() -> OTLPSpanExporter:
    """Its other settings, a header with a key among them, are read by the library."""
    return OTLPSpanExporter(
        endpoint=f"{settings.OTEL_EXPORTER_OTLP_ENDPOINT.rstrip('/')}/v1/traces"
    )
