"""What went wrong before or beside the API, for programs: ``application/problem+json``."""

from django.http import HttpRequest, HttpResponse, JsonResponse

API = "/api/"
CONTENT_TYPE = "application/problem+json"
KINDS = {
    400: ("bad-request", "This cannot be read."),
    403: ("not-allowed", "This is refused."),
    404: ("not-found", "There is no such thing, or not for you."),
    500: ("fault", "Something is wrong with the portal. It is not what you sent."),
    503: ("away", "The database cannot be reached. Try again in a moment."),
}


def is_for_api(request: HttpRequest) -> bool:
    return request.path.startswith(API)


def problem(status: int) -> HttpResponse:
    """Asks nobody anything."""
    kind, detail = KINDS[status]
    body = {"type": f"urn:bastion-access:{kind}", "status": status, "detail": detail}
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE)
