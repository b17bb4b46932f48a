"""Where it is kept: a few small texts by name. Which place that is, is the wiring's matter."""

from dataclasses import dataclass
from functools import cache
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string


class NotKept(Exception):
    """The place does not answer, or does not take it. ``str()`` is fit for people."""


class Changed(NotKept):
    """Somebody else wrote it since it was read."""


@dataclass(frozen=True)
class Kept:
    """``tag``: changes whenever the text is written."""

    text: str
    tag: str


class Store(Protocol):
    """All may raise ``NotKept`` and nothing else. A text is there as a whole or not at all, and
    what was written outlives the power failing."""

    def read(self, name: str) -> Kept | None: ...

    def write(self, name: str, text: str, *, over: str | None) -> None:
        """``over``: the tag of what it takes the place of, ``None`` for what is new. Raises
        ``Changed`` where that is not what is there."""
        ...

    def names(self, prefix: str) -> list[str]: ...

    def remove(self, name: str) -> None:
        """Also of what is not there."""
        ...


def store() -> Store | None:
    """``None`` where nothing is remembered outside the database."""
    place = str(settings.ACCESS_ANCHOR)
    return _made(settings.ACCESS_ANCHOR_STORE, place) if place else None


@cache
def _made(path: str, place: str) -> Store:
    made: Store = import_string(path)(place)
    return made
