"""Keyset pagination: newest first, stable while rows are added, equally fast at any depth."""

from access.paging import Cursors


class Pages(Cursors):
    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering: str | tuple[str, ...] = "-id"


class NewestCreated(Pages):
    ordering = ("-created_at", "-id")


class LedgerPages(Pages):
    ordering = "-seq"


class ByName(Pages):
    ordering = ("name", "id")
