"""What the policy asks of a request beside approvals, in sentences for who sends or decides it."""

from collections.abc import Iterable

from access.kinds import all_kinds
from access.models import AccessRequest
from access.presenters.moments import duration
from access.rules.judgement import SOFT, Judgement
from access.rules.patterns import example_of


def asks_of(judgement: Judgement) -> list[str]:
    return [*_before(judgement), *_during(judgement)]


def details_of(asked: AccessRequest) -> list[tuple[str, str]]:
    """All that its kind was told besides: it is part of what is decided."""
    found = all_kinds().get(asked.kind)
    return found.describe(asked) if found else []


def ticket_words(judgement: Judgement) -> str:
    """Beside the ticket's field."""
    example = example_of(judgement.ticket_patterns)
    if example:
        return f"Such as {example}."
    if judgement.ticket_patterns:
        return f"Matching {' and '.join(judgement.ticket_patterns)}."
    return "Such as INC-12345."


def _before(judgement: Judgement) -> Iterable[str]:
    if judgement.ticket_required:
        yield f"A ticket. {ticket_words(judgement)}" if judgement.ticket_patterns else "A ticket."
    elif judgement.ticket_patterns:
        yield f"If you name a ticket, one that it knows. {ticket_words(judgement)}"
    if judgement.notice_minutes:
        yield f"At least {duration(judgement.notice_minutes)} of notice before the start."
    if not judgement.scheduled:
        yield "No start in the future: it opens as soon as it is approved."
    if judgement.step_up:
        yield "Whoever approves it must sign in anew for that."


def _during(judgement: Judgement) -> Iterable[str]:
    yield f"At most {duration(judgement.max_minutes)}; a way in may allow less."
    more = judgement.extension
    if more.most and more.max_minutes:
        times = {1: "once", 2: "twice"}.get(more.most, f"{more.most} times")
        yield f"More time can be asked for {times}, up to {duration(more.max_minutes)} each."
    else:
        yield "No more time can be asked for."
    if judgement.end == SOFT and judgement.grace_minutes:
        grace = duration(judgement.grace_minutes)
        yield f"At its end the door is shut; whoever is connected may finish for {grace}."
    else:
        yield "At its end whoever is connected is disconnected."
