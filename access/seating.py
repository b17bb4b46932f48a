"""Whether there are people enough: a match of candidates to seats, each human being once."""

from collections.abc import Sequence
from typing import Protocol

from access.models import Person


class Candidate(Protocol):
    """``humans``: who would speak, and in whose place. No two that share one sit together."""

    @property
    def person(self) -> Person: ...
    @property
    def humans(self) -> tuple[Person, ...]: ...


Seats = Sequence[Sequence[Candidate]]
Taken = dict[int, Candidate]


def first_unseated(seats: Seats) -> int | None:
    """``seats``: who could take each. The index of the first for which nobody is left, others
    moving up where they can; ``None`` when all can be taken at once."""
    taken: Taken = {}
    for seat in range(len(seats)):
        if not _take(seat, seats, taken, set()):
            return seat
    return None


def _take(seat: int, seats: Seats, taken: Taken, tried: set[int]) -> bool:
    for candidate in seats[seat]:
        if candidate.person.pk in tried:
            continue
        tried.add(candidate.person.pk)
        in_the_way = [other for other, seated in taken.items() if _share(seated, candidate)]
        if not in_the_way:
            taken[seat] = candidate
            return True
        if len(in_the_way) > 1:
            continue
        (other,) = in_the_way
        moved, taken[seat] = taken.pop(other), candidate
        if _take(other, seats, taken, tried):
            return True
        del taken[seat]
        taken[other] = moved
    return False


def _share(one: Candidate, other: Candidate) -> bool:
    return any(mine.is_same_human(theirs) for mine in one.humans for theirs in other.humans)
