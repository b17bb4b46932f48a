"""Keyset pages of rows: stable while rows are added, equally fast at any depth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from access.paging import Cursors

M = TypeVar("M", bound=Model)
LIST_SIZE = 25


@dataclass(frozen=True)
class Page(Generic[M]):
    """``next`` and ``previous`` are query strings with the filters in them, or empty."""

    rows: list[M]
    next: str
    previous: str


def page_of(
    request: HttpRequest, rows: QuerySet[M], *, ordering: Sequence[str], size: int = LIST_SIZE
) -> Page[M]:
    """The page that the address asks for. A cursor that is none of ours is a 404."""
    pages = Cursors()
    pages.ordering, pages.page_size = tuple(ordering), size
    try:
        found = pages.paginate_queryset(rows, Request(request)) or []
    except NotFound as error:
        raise Http404 from error
    return Page(list(found), _query(pages.get_next_link()), _query(pages.get_previous_link()))


def _query(link: str | None) -> str:
    return f"?{urlsplit(link).query}" if link else ""
