"""What calls to Azure are made for, told by whoever makes them to whoever sends them.

Azure takes so many calls a second and no more. The engine knows what must not wait, the door to
Azure knows what is left; neither may know the other, and both know this.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Errand:
    """``closing``: something is to be shut, and all that is asked on the way to it counts.
    ``until``: a moment of ``time.monotonic``, read anew for each call, after which nothing may be
    waited for any more; ``None`` where nobody minds. ``begun``: some call of it was sent, and what
    it brought would be lost if the rest were put off. ``opening``: somebody waits for it.
    ``keeps``: who comes in vain comes again when told to, and not before. ``probing``: Azure broke
    down on it several times, so what is to be shut elsewhere goes first."""

    closing: bool = False
    until: Callable[[], float] | None = None
    begun: bool = False
    opening: bool = False
    keeps: bool = False
    probing: bool = False


_errand: ContextVar[Errand | None] = ContextVar("errand", default=None)


@contextmanager
def errand(
    *,
    closing: bool,
    until: Callable[[], float] | None = None,
    begun: bool = False,
    opening: bool = False,
    keeps: bool = True,
    probing: bool = False,
) -> Iterator[None]:
    mark = _errand.set(Errand(closing, until, begun, opening, keeps, probing))
    try:
        yield
    finally:
        _errand.reset(mark)


def current() -> Errand:
    """Outside of any errand: nothing is to be shut, and nobody minds waiting."""
    return _errand.get() or Errand(begun=True)
