"""What is said of a call that this process makes: of Azure which one it is and the id by which
Azure knows it, of anybody else the host alone. Addresses of channels are secrets of their own.
"""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from opentelemetry.trace import Span
from requests import PreparedRequest

from portal.logs import trail
from portal.logs.calls import call_of


def describe(span: Span, request: PreparedRequest) -> None:
    """A hook of the instrumentation of ``requests``, by which Azure's SDKs call."""
    if not span.is_recording():
        return
    found, method = urlsplit(str(request.url)), str(request.method)
    span.update_name(method)
    span.set_attributes(_known("server.address", found.hostname))
    span.set_attributes(_known("portal.request_id", trail.request_id()))
    if found.netloc != urlsplit(settings.AZURE_ENDPOINT).netloc:
        return
    call = call_of(method, found.path)
    span.update_name(call)
    span.set_attribute("azure.call", call)
    ours = request.headers.get("x-ms-client-request-id")
    span.set_attributes(_known("azure.client_request_id", ours))


def _known(name: str, value: Any) -> dict[str, str]:
    return {name: str(value)} if value else {}
