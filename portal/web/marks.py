"""Marks that change how the text around them reads are shown, not obeyed.

Names come from Azure and from the directory, where others may write them: one that turns the
direction of reading around could make a page say what it does not. Templates escape what is HTML;
this is about what is not. What people type here is cleaned when it is taken.
"""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

Handler = Callable[[HttpRequest], HttpResponse]
# In UTF-8: control characters but for tab and line breaks, direction marks, embeddings, isolates.
MARKS = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]"
    rb"|\xd8\x9c|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]"
)


class VisibleMarks:
    """In pages, and in the parts of pages that scripts fetch."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if is_page and not response.streaming and MARKS.search(response.content):
            response.content = MARKS.sub(_named, response.content)
        return response


def _named(mark: re.Match[bytes]) -> bytes:
    return b"[U+%04X]" % ord(mark.group().decode())
