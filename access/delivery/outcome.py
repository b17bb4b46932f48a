"""What became of one attempt. Three answers, whatever the channel."""

from dataclasses import dataclass

from access.outbound import Answer


@dataclass(frozen=True)
class Sent:
    """Taken over by the other side."""


@dataclass(frozen=True)
class NotThis:
    """Only this one is in the way: it waits, the others of the route go on. ``lasting``: there is
    little hope that another attempt changes it."""

    problem: str
    lasting: bool = False


@dataclass(frozen=True)
class NotNow:
    """The whole route rests. ``retry_after``: seconds that the other side asked for."""

    problem: str
    retry_after: float | None = None


@dataclass(frozen=True)
class Never:
    """There is no way, or no need any more; trying again changes nothing."""

    problem: str


@dataclass(frozen=True)
class Needless(Never):
    """What it was about is over, so that nobody misses it."""


Outcome = Sent | NotThis | NotNow | Never
OF_THIS_ONE = frozenset({400, 413, 415, 422})
REDIRECTS = range(300, 400)


def judged(answer: Answer, *, good: frozenset[int]) -> Outcome:
    """By the status alone, which is all that these services promise."""
    if answer.status in good:
        return Sent()
    if answer.status in REDIRECTS:
        return NotNow(f"It answered {answer.status}: redirects are not followed.")
    problem = f"It answered {answer.status}."
    if answer.status in OF_THIS_ONE:
        return NotThis(problem)
    return NotNow(problem, answer.retry_after)
