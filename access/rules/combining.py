"""One request may name several machines: the strictest of what the policy says of each holds."""

from collections.abc import Iterable, Sequence

from access.rules.judgement import HARD, SOFT, BreakGlass, Extension, Judgement, Source, Stage

NOTHING = "Nothing was asked for."


def combine(judgements: Sequence[Judgement]) -> Judgement:
    """Never laxer than any of them. Of none: not allowed."""
    if not judgements:
        return Judgement(allowed=False, why_not=NOTHING)
    ends = {each.end for each in judgements}
    end = SOFT if ends == {SOFT} else HARD
    return Judgement(
        allowed=all(each.allowed for each in judgements),
        rules=_each_once(name for j in judgements for name in j.rules),
        why_not=" ".join(_each_once(j.why_not for j in judgements if not j.allowed)),
        max_minutes=min(each.max_minutes for each in judgements),
        notice_minutes=max(each.notice_minutes for each in judgements),
        stages=_stages(judgements),
        ticket_required=any(each.ticket_required for each in judgements),
        ticket_patterns=_each_once(p for j in judgements for p in j.ticket_patterns),
        step_up=any(each.step_up for each in judgements),
        auto_approve=all(each.auto_approve for each in judgements),
        scheduled=all(each.scheduled for each in judgements),
        extension=Extension(
            min(each.extension.most for each in judgements),
            min(each.extension.max_minutes for each in judgements),
        ),
        end=end,
        grace_minutes=min(j.grace_minutes for j in judgements) if end == SOFT else 0,
        break_glass=_break_glass([each.break_glass for each in judgements]),
        lapse_minutes=min(each.lapse_minutes for each in judgements),
    )


def _stages(judgements: Sequence[Judgement]) -> tuple[Stage, ...]:
    """Each different stage once, after all that came before it anywhere. Stages that ask the same
    people are one stage, with the greater number of approvals."""
    found: dict[frozenset[Source], tuple[int, Stage]] = {}
    for judgement in judgements:
        for place, stage in enumerate(judgement.stages):
            asked = frozenset(stage.sources)
            last, known = found.get(asked, (place, stage))
            found[asked] = (max(last, place), _both(known, stage))
    return tuple(stage for _, stage in sorted(found.values(), key=lambda row: row[0]))


def _both(one: Stage, other: Stage) -> Stage:
    """Widened to others only when both are, as late as the later, and to whom both name."""
    if one == other:
        return one
    to = tuple(source for source in one.escalate_to if source in other.escalate_to)
    after = None
    if to and one.escalate_after is not None and other.escalate_after is not None:
        after = max(one.escalate_after, other.escalate_after)
    return Stage(
        sources=one.sources,
        needed=max(one.needed, other.needed),
        label=" / ".join(_each_once([*_parts(one.label), *_parts(other.label)])),
        escalate_after=after,
        escalate_to=to if after is not None else (),
    )


def _break_glass(each: Sequence[BreakGlass]) -> BreakGlass:
    """Whom every one allows, by name: who is in two different groups is not looked up here."""
    shared = tuple(s for s in each[0].sources if all(s in other.sources for other in each[1:]))
    return BreakGlass(shared, min(other.max_minutes for other in each))


def _parts(label: str) -> list[str]:
    """What a label was put together from, by the combination before."""
    return [part for part in label.split(" / ") if part]


def _each_once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
