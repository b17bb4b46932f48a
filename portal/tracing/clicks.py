"""One span for each request, by the name of its route: an address holds what people typed, and a
vendor's is a secret. A trace that the client names is not taken, as little as an id of theirs.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, StatusCode

from portal.logs.requests import BROKEN, METHODS, is_quiet
from portal.logs.trail import KEY

Handler = Callable[[HttpRequest], HttpResponse]
tracer = trace.get_tracer("portal")


class Traced:
    """Right inside of ``RequestTrail``."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if is_quiet(request):
            return self.get_response(request)
        method = request.method if request.method in METHODS else "OTHER"
        known = {"http.request.method": str(method), "portal.request_id": request.META[KEY]}
        with tracer.start_as_current_span(
            str(method), Context(), SpanKind.SERVER, known, record_exception=False
        ) as span:
            response = self.get_response(request)
            route = request.resolver_match.view_name if request.resolver_match else "-"
            span.update_name(f"{method} {route}")
            span.set_attributes(
                {"http.route": str(route), "http.response.status_code": response.status_code}
            )
            if response.status_code >= BROKEN:
                span.set_status(StatusCode.ERROR)
            return response
