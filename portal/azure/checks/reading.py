"""Reading stored JSON that may lack anything: a missing fact is ``None``, never a guess."""

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]


def text(row: Json, key: str) -> str:
    """Empty when missing: for words that are shown or compared."""
    value = row.get(key)
    return "" if value is None else str(value)


def reference(row: Json, key: str) -> str | None:
    """A resource id, empty when there is none, ``None`` when nobody has said."""
    return text(row, key) if row.get(key) is not None else None


def flag(row: Json, key: str) -> bool | None:
    value = row.get(key)
    return value if isinstance(value, bool) else None


def number(row: Json, key: str) -> int | None:
    value = row.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def words(row: Json, key: str) -> tuple[str, ...] | None:
    value = row.get(key)
    return tuple(str(each) for each in value) if isinstance(value, list | tuple) else None


def rows(row: Json, key: str) -> list[Json]:
    value = row.get(key)
    found = value if isinstance(value, list | tuple) else []
    return [each for each in found if isinstance(each, Mapping)]
