"""The record: every write that was asked and every effect that came of it, for judging callers."""

from typing import Any

Row = dict[str, Any]


class Record:
    """Rows get their numbers here. ``emptied`` tells the store that its file is stale."""

    def __init__(self, rows: list[Row] | None = None) -> None:
        self.rows: list[Row] = rows or []
        self.emptied = False

    @property
    def last(self) -> int:
        return len(self.rows)

    def call(self, at: str, principal: str, operation: str, resource: str, **more: Any) -> Row:
        """A call that was made; ``finish`` it before anybody can look."""
        unfinished = {"status": None, "error": None, "fault": None}
        return self._add(at, principal, operation, resource, **more, **unfinished)

    def effect(
        self, at: str, operation: str, resource: str, because: int | None, body: Any
    ) -> None:
        """What came of the call number ``because``, at its own moment."""
        self._add(at, "azure", operation, resource, body=body, because=because)

    def by_hand(self, at: str, operation: str, resource: str, body: Any) -> Row:
        return self._add(at, "person", operation, resource, body=body)

    def empty(self) -> None:
        self.rows, self.emptied = [], True

    def _add(self, at: str, principal: str, operation: str, resource: str, **more: Any) -> Row:
        row = {
            "seq": self.last + 1,
            "at": at,
            "principal": principal,
            "operation": operation,
            "resource": resource,
            **more,
        }
        self.rows.append(row)
        return row


def finish(row: Row, *, status: int, error: str | None, fault: int | None) -> None:
    row.update(status=status, error=error, fault=fault)
