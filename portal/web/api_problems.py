"""What went wrong before or beside the API, for programs: ``application/problem+json``."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from access.api.problems import CONTENT_TYPE

API = "/api/"
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
    return problem_of(status, *KINDS[status])


def problem_of(status: int, kind: str, detail: str) -> HttpResponse:
    """``kind``: the word for programs that its type ends in."""
    body = {"type": f"urn:bastion-access:{kind}", "status": status, "detail": detail}
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE)
