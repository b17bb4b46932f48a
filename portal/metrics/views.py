"""Who shows the token is told the figures, and nobody else that there are any."""

import hmac

from django.conf import settings
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from portal.metrics.collector import Figures

SCHEME = "Bearer "


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """503 where the database does not answer: then the scrape fails, which is the alert."""
    if not settings.METRICS_TOKEN:
        raise Http404
    if not _shown(request.headers.get("Authorization", "")):
        refused = HttpResponse("The token is missing or wrong.\n", "text/plain", 401)
        refused.headers["WWW-Authenticate"] = 'Bearer realm="metrics"'
        return refused
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures())
    try:
        text = generate_latest(registry)
    except Error:
        return HttpResponse("The database does not answer.\n", "text/plain", 503)
    return HttpResponse(text, CONTENT_TYPE_LATEST)


def _shown(header: str) -> bool:
    sent = header.removeprefix(SCHEME) if header.startswith(SCHEME) else ""
    return hmac.compare_digest(sent.encode(), settings.METRICS_TOKEN.encode())
