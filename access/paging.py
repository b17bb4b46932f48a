"""Keyset pages, for the pages and the API: a cursor comes from an address, so from anybody."""

from typing import Any

from django.core.exceptions import ValidationError
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request


class Cursors(CursorPagination):
    """What is none of ours is not found, whatever the database would say of it."""

    def decode_cursor(self, request: Request) -> Cursor | None:
        found: Cursor | None = super().decode_cursor(request)
        if found is not None and "\0" in str(found.position):  # PostgreSQL has no such text
            raise NotFound(self.invalid_cursor_message)
        return found

    def paginate_queryset(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().paginate_queryset(*args, **kwargs)
        except (ValueError, OverflowError, ValidationError) as error:
            raise NotFound(self.invalid_cursor_message) from error
