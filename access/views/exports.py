"""Tables to take away from pages."""

from collections.abc import Iterable, Sequence
from io import StringIO

from django.http import HttpResponse

from access.tables import CONTENT_TYPE, write_csv


def answer(rows: Iterable[Sequence[object]], name: str) -> HttpResponse:
    text = StringIO()
    write_csv(rows, text)
    response = HttpResponse(text.getvalue(), content_type=CONTENT_TYPE)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
