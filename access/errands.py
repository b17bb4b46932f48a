"""What calls to Azure are made for, told by whoever makes them to whoever sends them.

Azure takes so many calls a second and no more. The engine knows what must not wait, the door to
Azure knows what is left; neither may know the other, and both know this.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Errand:
    """``closing``: something is to be shut, and all that is asked on the way to it counts.
    ``until``: a moment of ``time.monotonic``, read anew for each call, after which nothing may be
    waited for any more; ``None`` where nobody minds."""

    closing: bool = False
    until: Callable[[], float] | None = None


_errand: ContextVar[Errand] = ContextVar("errand", default=Errand())  # noqa: B039 - it is frozen


@contextmanager
def errand(*, closing: bool, until: Callable[[], float] | None = None) -> Iterator[None]:
    mark = _errand.set(Errand(closing, until))
    try:
        yield
    finally:
        _errand.reset(mark)


def current() -> Errand:
    """Outside of any errand: nothing is to be shut, and nobody minds waiting."""
    return _errand.get()
