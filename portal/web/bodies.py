"""What is too large is refused before anything reads it: the API's parsers have no limit of their
own. A body whose length nobody said is read as none, which is what WSGI does with it."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from links.visiting.views import pages
from portal.web.api_problems import is_for_api, problem_of
from portal.web.hosts import is_for_vendor

Handler = Callable[[HttpRequest], HttpResponse]


class OfSomeSize:
    """413. Before any view, and before the check of a form's token reads the form."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isascii() and length.isdecimal() and int(length[:20]) <= _most():
            return self.get_response(request)
        if is_for_vendor(request):
            return pages.problem(request, 413)
        if is_for_api(request):
            return problem_of(413, "too-large", _words())
        return render(request, "problems/413.html", {"words": _words()}, status=413)


def _most() -> int:
    return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


def _words() -> str:
    return f"No more than {_most() // 1024} KB can be sent at once."
