"""What a policy asks for now that it did not ask for then, in words for people.

Whoever approved under the old one agreed to less; a request with any such line needs them anew.
What does not bear on an approval that was given (extensions, break-glass, how long a request may
wait) is not compared.
"""

from collections.abc import Iterable, Sequence

from access.rules.judgement import SOFT, Judgement, Source, Stage
from access.rules.words import stage_words

EVERYBODY = Source("role", "approver")  # only they may approve anything


def tightened(then: Judgement, now: Judgement, *, minutes: int | None = None) -> list[str]:
    """Empty when nothing is stricter. ``minutes``: of a request that is at hand; a lower maximum
    then counts only if it is exceeded."""
    if not then.allowed:
        return []
    if not now.allowed:
        return [f"not allowed any more: {now.why_not}"]
    return [
        *_people(then, now),
        *_ticket(then, now),
        *_time(then, now, minutes),
        *(["needs signing in anew"] if now.step_up and not then.step_up else []),
        *_ending(then, now),
    ]


def _people(then: Judgement, now: Judgement) -> Iterable[str]:
    if now.auto_approve:
        return
    if then.auto_approve:
        yield "needs people's approval, was approved by a rule"
    elif not now.stages and then.stages:
        yield "nobody is named any more who could approve it"
    served = _served(then.stages, now.stages)
    for place, stage in enumerate(now.stages):
        if place in served:
            continue
        same = [old for old in then.stages if _reaches(old, stage)]
        most = max((old.needed for old in same), default=0)
        words = stage_words(stage)
        if 0 < most < stage.needed:
            yield f"needs {_count(stage.needed)} in stage {words}, was {most}"
        else:
            yield f"needs {_count(stage.needed)} in stage {words}, which was not asked for"


def _served(then: Sequence[Stage], now: Sequence[Stage]) -> set[int]:
    """Places of today's stages that an own stage of then answers for: a matching, because one
    stage's approvals do not count for two."""
    taken: dict[int, int] = {}  # place then, to place now

    def seat(place: int, tried: set[int]) -> bool:
        for old, stage in enumerate(then):
            fits = _reaches(stage, now[place]) and stage.needed >= now[place].needed
            if not fits or old in tried:
                continue
            tried.add(old)
            if old not in taken or seat(taken[old], tried):
                taken[old] = place
                return True
        return False

    return {place for place in range(len(now)) if seat(place, set())}


def _reaches(then: Stage, now: Stage) -> bool:
    """Whoever could approve then could approve now: none of them was taken away."""
    return EVERYBODY in now.sources or set(then.sources) <= set(now.sources)


def _ticket(then: Judgement, now: Judgement) -> Iterable[str]:
    if now.ticket_required and not then.ticket_required:
        yield "needs a ticket"
    for pattern in now.ticket_patterns:
        if pattern not in then.ticket_patterns:
            yield f"needs a ticket that matches {pattern}"


def _time(then: Judgement, now: Judgement, minutes: int | None) -> Iterable[str]:
    exceeded = minutes is None or minutes > now.max_minutes
    if now.max_minutes < then.max_minutes and exceeded:
        yield f"at most {now.max_minutes} minutes, was {then.max_minutes}"
    if now.notice_minutes > then.notice_minutes:
        yield f"must be asked {now.notice_minutes} minutes ahead, was {then.notice_minutes}"
    if then.scheduled and not now.scheduled:
        yield "cannot be asked for a later time any more"


def _ending(then: Judgement, now: Judgement) -> Iterable[str]:
    if then.end != SOFT:
        return
    if now.end != SOFT:
        yield f"ends at once, was with {then.grace_minutes} minutes to finish"
    elif now.grace_minutes < then.grace_minutes:
        yield f"leaves {now.grace_minutes} minutes to finish, was {then.grace_minutes}"


def _count(needed: int) -> str:
    return "1 approval" if needed == 1 else f"{needed} approvals"
