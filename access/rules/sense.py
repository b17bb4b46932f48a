"""What each part of a policy may say, and the whole must not: rules that contradict themselves,
that nobody could fulfil, or that nothing could ever reach."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from access.rules.conditions import Production, When, shuts_out
from access.rules.judgement import HARD, SOFT
from access.rules.problems import At

Groups = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Draft:
    """A rule as read. ``own``: what it says itself; ``outcome``: with the defaults. ``sound``:
    nothing was wrong with its parts."""

    at: At
    name: str
    when: When
    own: dict[str, Any]
    outcome: dict[str, Any] = field(repr=False)
    sound: bool = True


def senseless(drafts: list[Draft], defaults: Mapping[str, Any], groups: Groups) -> None:
    """Notes problems with whatever parts were sound by themselves."""
    _names(drafts)
    for draft in drafts:
        if draft.sound:
            _alone(draft, groups)
    _defaults(drafts, defaults)
    for place, draft in enumerate(drafts):
        if draft.sound:
            _reach(draft, (each for each in drafts[:place] if each.sound))


def _names(drafts: list[Draft]) -> None:
    seen: set[str] = set()
    for draft in drafts:
        if draft.name and draft.name.casefold() in seen:
            draft.at.wrong(f"another rule is called {draft.name}, too.")
        seen.add(draft.name.casefold())


def _defaults(drafts: list[Draft], defaults: Mapping[str, Any]) -> None:
    at = drafts[0].at if drafts else None
    if at is None:
        return
    place = At(None, "defaults", at.problems)
    for key in ("allow", "why"):
        if key in defaults:
            place.wrong(f"{key} belongs to a rule: what no rule allows is not allowed.")
    if defaults.get("auto_approve"):
        place.wrong("auto_approve belongs to a rule, which must say production: false.")


def _alone(draft: Draft, groups: Groups) -> None:
    if not draft.own.get("allow", True):
        _refusal(draft)
        return
    if "why" in draft.own:
        draft.at.wrong("why goes with allow: false only.")
    _people(draft)
    _ending(draft)
    for stage, row in enumerate(draft.outcome.get("approvals", ())):
        _enough(draft.at, f"approvals stage {stage + 1}", row, groups)


def _refusal(draft: Draft) -> None:
    if not draft.own.get("why"):
        draft.at.wrong("allow: false needs why: a sentence for who is refused.")
    idle = draft.own.keys() - {"allow", "why"}
    if idle:
        draft.at.wrong(f"{', '.join(sorted(idle))}: means nothing beside allow: false.")


def _people(draft: Draft) -> None:
    auto = draft.outcome.get("auto_approve", False)
    if auto and draft.own.get("approvals"):
        draft.at.wrong("has both approvals and auto_approve: true; one of them must go.")
    if not auto and not draft.outcome.get("approvals"):
        draft.at.wrong("needs approvals, or auto_approve: true for what is not production.")
    if auto and draft.when.get("production") != Production(wanted=False):
        words = "production is always approved by people"
        draft.at.wrong(f"auto_approve needs production: false under when: {words}.")


def _ending(draft: Draft) -> None:
    end = draft.outcome.get("end", HARD)
    if end == SOFT and "grace_minutes" not in draft.outcome:
        draft.at.wrong("end: soft needs grace_minutes: how long sessions may still last.")
    if end == HARD and "grace_minutes" in draft.own:
        draft.at.wrong("grace_minutes goes with end: soft only.")


def _enough(at: At, where: str, stage: Mapping[str, Any], groups: Groups) -> None:
    """Empty groups and too few people would leave the request with nobody to approve it."""
    people: set[str] = set()
    open_ended = False
    for source in stage["from"]:
        if isinstance(source, str) or "role" in source:
            open_ended = True
        elif "group" in source and not groups.get(source["group"]):
            at.wrong(f"{where}: group {source['group']} has no members, so nobody could approve.")
            open_ended = True  # said once
        else:
            names = groups.get(source["group"], ()) if "group" in source else (source["person"],)
            people.update(name.casefold() for name in names)
    if not open_ended and len(people) < stage["needed"]:
        at.wrong(f"{where}: needs {stage['needed']} approvals of {len(people)} people.")


def _reach(draft: Draft, earlier: Iterable[Draft]) -> None:
    for each in earlier:
        if shuts_out(each.when, draft.when):
            draft.at.wrong(
                f'is never reached: "{each.name}" stands before it and matches all that it would.'
            )
            return
