"""What one policy says otherwise than another: rules, groups and defaults, key by key."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from access.presenters.rules import Names, condition_words, names_of, outcome_words
from access.rules.document import Policy
from access.rules.reading_outcome import KEYS

UNSAID = "Not said: the default holds."
ANYTHING = "Whatever the rules before it left."
LABELS = {
    "when": "Applies when", "allow": "Allowed", "why": "Reason", "approvals": "Approvals",
    "auto_approve": "Without people", "max_minutes": "Longest", "notice_minutes": "Notice",
    "scheduled": "Later start", "ticket": "Ticket", "step_up": "Signing in anew",
    "extension": "Extensions", "end": "End", "grace_minutes": "Time to finish",
    "break_glass": "Break-glass", "lapse_minutes": "Expiry",
}  # fmt: skip
NEGATED = {  # what a value means of which the sentence is empty
    "allow": "Allowed.", "auto_approve": "People approve it.", "notice_minutes": "No notice.",
    "scheduled": "May be asked for a later time.", "step_up": "No signing in anew.",
}  # fmt: skip
TONES = {
    "Added": ("green", "plus"),
    "Removed": ("prod", "minus"),
    "Changed": ("blue", "pencil"),
    "Moved": ("amber", "arrow-right"),
    "Renamed": ("grey", "pencil"),
}


@dataclass(frozen=True)
class Detail:
    """Either is empty where there is nothing on that side."""

    label: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class Change:
    word: str  # a key of TONES
    what: str
    details: list[Detail] = field(default_factory=list)

    @property
    def tone(self) -> str:
        return TONES[self.word][0]

    @property
    def icon(self) -> str:
        return TONES[self.word][1]


def changes_between(old: Policy, new: Policy) -> list[Change]:
    """Rules in the order of the new policy, then groups, then defaults. One query for names."""
    if old.document == new.document:
        return []
    names = names_of(old, new)
    return [
        *_rules(_by_name(old), _by_name(new), names),
        *_groups(old.groups, new.groups, names),
        *_defaults(old.document["defaults"], new.document["defaults"], names),
    ]


def _by_name(policy: Policy) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in policy.document["rules"]}


def _rules(
    old: Mapping[str, dict[str, Any]], new: Mapping[str, dict[str, Any]], names: Names
) -> Iterator[Change]:
    renamed = _renamed(old, new)
    for name, row in old.items():
        if name not in new and name not in renamed.values():
            yield Change("Removed", f"Rule “{name}”", _sides(row, {}, names))
    moved = _moved(list(old), list(new), renamed)
    for place, (name, row) in enumerate(new.items(), 1):
        before = old.get(renamed.get(name, name))
        if before is None:
            where = Detail("Place", after=f"{place} of {len(new)}")
            yield Change("Added", f"Rule “{name}”", [where, *_sides({}, row, names)])
            continue
        if name in renamed:
            detail = Detail("Name", renamed[name], name)
            yield Change("Renamed", f"Rule “{renamed[name]}”", [detail])
        if details := _sides(before, row, names):
            yield Change("Changed", f"Rule “{name}”", details)
        if name in moved:
            was = list(old).index(renamed.get(name, name)) + 1
            places = f"{was} of {len(old)}", f"{place} of {len(new)}"
            order = Detail("Place; the first rule that matches decides", *places)
            yield Change("Moved", f"Rule “{name}”", [order])


def _renamed(
    old: Mapping[str, dict[str, Any]], new: Mapping[str, dict[str, Any]]
) -> dict[str, str]:
    """New name to old: of rules that say the same to the letter but for their name."""
    gone = {name: _unnamed(row) for name, row in old.items() if name not in new}
    found: dict[str, str] = {}
    for name, row in new.items():
        same = [was for was, what in gone.items() if what == _unnamed(row)]
        if name not in old and same:
            found[name] = same[0]
            del gone[same[0]]
    return found


def _unnamed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "name"}


def _moved(old: list[str], new: list[str], renamed: Mapping[str, str]) -> set[str]:
    """As few as explain the new order, by their new names."""
    common = [name for name in new if renamed.get(name, name) in old]
    were = [renamed.get(name, name) for name in common]
    before = [name for name in old if name in were]
    matcher = difflib.SequenceMatcher(None, before, were, autojunk=False)
    kept = {before[b.a + n] for b in matcher.get_matching_blocks() for n in range(b.size)}
    return {name for name in common if renamed.get(name, name) not in kept}


def _sides(old: Mapping[str, Any], new: Mapping[str, Any], names: Names) -> list[Detail]:
    """Key by key; an empty mapping is a rule that is not there."""
    details = []
    if old.get("when") != new.get("when") or (not (old and new) and "when" not in (old or new)):
        details.append(Detail(LABELS["when"], _when(old), _when(new)))
    return details + _outcomes(old, new, names)


def _outcomes(old: Mapping[str, Any], new: Mapping[str, Any], names: Names) -> list[Detail]:
    return [
        Detail(LABELS[key], _said(key, old, names), _said(key, new, names))
        for key in KEYS
        if old.get(key) != new.get(key)
    ]


def _when(row: Mapping[str, Any]) -> str:
    if not row:
        return ""
    words = [condition_words(key, value) for key, value in row.get("when", {}).items()]
    return " and ".join(words) or ANYTHING


def _said(key: str, row: Mapping[str, Any], names: Names) -> str:
    if not row:
        return ""
    return _value(key, row[key], names) if key in row else UNSAID


def _value(key: str, value: Any, names: Names) -> str:
    return outcome_words(key, value, names) or NEGATED.get(key, "No.")


def _defaults(old: Mapping[str, Any], new: Mapping[str, Any], names: Names) -> Iterator[Change]:
    keys = [key for key in KEYS if old.get(key) != new.get(key)]
    details = [
        Detail(
            LABELS[key],
            _value(key, old[key], names) if key in old else "Not said.",
            _value(key, new[key], names) if key in new else "Not said.",
        )
        for key in keys
    ]
    if details:
        yield Change("Changed", "Defaults, for each rule that says nothing else", details)


def _groups(
    old: Mapping[str, tuple[str, ...]], new: Mapping[str, tuple[str, ...]], names: Names
) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        was, now = old.get(name), new.get(name)
        if was == now:
            continue
        word = "Added" if was is None else "Removed" if now is None else "Changed"
        gone = [Detail("No member any more", _member(m, names)) for m in _less(was, now)]
        came = [Detail("New member", "", _member(m, names)) for m in _less(now, was)]
        yield Change(word, f"Group “{name}”", gone + came)


def _less(some: tuple[str, ...] | None, others: tuple[str, ...] | None) -> list[str]:
    known = {each.casefold() for each in others or ()}
    return [each for each in some or () if each.casefold() not in known]


def _member(identity: str, names: Names) -> str:
    known = names.get(identity.casefold())
    return f"{known} ({identity})" if known else f"{identity}, who has no account here"
