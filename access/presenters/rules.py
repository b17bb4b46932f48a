"""A policy in sentences: what each rule is for, and what it asks of whom."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from access.models import Person
from access.presenters.moments import duration
from access.rules.document import Policy
from access.rules.judgement import Judgement
from access.rules.reading_outcome import KEYS, merged

MOST_NAMED = 2000  # members whose names are looked up
Names = Mapping[str, str]  # tenant/object, and the object alone, both folded, to display names
Plain = Mapping[str, Any]

_UNSAID = Judgement()
UNSAID: dict[str, Any] = {  # what holds where neither a rule nor the defaults say anything
    "max_minutes": _UNSAID.max_minutes,
    "extension": {},
    "end": _UNSAID.end,
    "lapse_minutes": _UNSAID.lapse_minutes,
}


@dataclass(frozen=True)
class Member:
    """``name`` empty: nobody with this identity has an account here."""

    identity: str
    name: str


@dataclass(frozen=True)
class GroupLine:
    name: str
    members: list[Member]


@dataclass(frozen=True)
class RuleLine:
    """``number``: its place, from 1. ``when`` empty: it takes whatever the ones before left."""

    number: int
    name: str
    when: list[str]
    then: list[str]
    refuses: bool
    without_people: bool


@dataclass(frozen=True)
class Summary:
    rules: list[RuleLine]
    groups: list[GroupLine]


def summary_of(policy: Policy) -> Summary:
    """One query, for the names of the people."""
    names = names_of(policy)
    defaults = policy.document["defaults"]
    rows = enumerate(policy.document["rules"], 1)
    rules = [_rule(number, row, defaults, names) for number, row in rows]
    groups = [
        GroupLine(name, [Member(each, names.get(each.casefold(), "")) for each in members])
        for name, members in policy.groups.items()
    ]
    return Summary(rules, groups)


def names_of(*policies: Policy) -> dict[str, str]:
    """Of everybody whom one of these policies names."""
    wanted = {name for policy in policies for name in _identities(policy.document)}
    objects = {each.rpartition("/")[2] for each in sorted(wanted)[:MOST_NAMED]}
    found: dict[str, str] = {}
    for person in Person.objects.filter(object_id__in=objects).order_by("-pk"):
        found[person.identity.casefold()] = person.display_name
        found[person.object_id.casefold()] = person.display_name
    return found


def condition_words(key: str, value: Any) -> str:
    """One condition of ``when``, as it stands in a canonical document."""
    if key in _CONDITIONS:
        return _CONDITIONS[key](value)
    return f"{_SUBJECTS.get(key, key)} is {_or(value)}"


def outcome_words(key: str, value: Any, names: Names) -> str:
    """What a rule, or the defaults, say under one key."""
    if key == "approvals":
        return " Then ".join(stage_words(stage, names) for stage in value)
    if key == "break_glass":
        length = duration(value.get("max_minutes", _UNSAID.break_glass.max_minutes))
        who = sources_words(value["who"], names)
        return f"Break-glass without approval, reviewed afterwards: {who}, for at most {length}."
    return _OUTCOMES[key](value)


def stage_words(stage: Plain, names: Names) -> str:
    count = f"{stage['needed']} approval{'s' if stage['needed'] > 1 else ''}"
    label = f"{stage['label']}: " if stage.get("label") else ""
    words = f"{label}{count} by {sources_words(stage['from'], names)}."
    if escalate := stage.get("escalate"):
        to, after = sources_words(escalate["to"], names), duration(escalate["after"])
        words += f" After {after} without a decision also by {to}."
    return words


def sources_words(sources: Iterable[Any], names: Names) -> str:
    return _or([_source(source, names) for source in sources])


def _rule(number: int, row: Plain, defaults: Plain, names: Names) -> RuleLine:
    own = {key: row[key] for key in KEYS if key in row}
    refuses = own.get("allow") is False
    outcome = own if refuses else UNSAID | merged(dict(defaults), own)
    then = [outcome_words(key, outcome[key], names) for key in _ORDER if key in outcome]
    if outcome.get("end") == "soft":
        then.remove(outcome_words("end", "soft", names))  # said with the time that is left
    return RuleLine(
        number=number,
        name=row["name"],
        when=[condition_words(key, value) for key, value in row.get("when", {}).items()],
        then=[words for words in then if words],
        refuses=refuses,
        without_people=bool(outcome.get("auto_approve")),
    )


def _identities(document: Any) -> Iterable[str]:
    for members in document["groups"].values():
        yield from members
    yield from _persons([document["rules"], document["defaults"]])


def _persons(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        if set(value) == {"person"}:
            yield value["person"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _persons(each)


def _source(source: Any, names: Names) -> str:
    if source == "manager":
        return "the manager of who asks"
    if source == "owner":
        return "the group that the machine's owner tag names"
    ((kind, name),) = source.items()
    if kind == "person":
        known = names.get(name.casefold())
        return f"{known} ({name})" if known else name
    return f"the group “{name}”" if kind == "group" else f"anybody with the {name.title()} role"


def _or(values: Any) -> str:
    texts = [str(value) for value in values]
    return " or ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else "".join(texts)


def _tags(value: Plain) -> str:
    return " and ".join(f"the tag {key} is {_or(values)}" for key, values in value.items())


def _length(value: Plain) -> str:
    words = {"at_least": "at least", "at_most": "at most"}
    parts = [f"{words[key]} {duration(value[key])}" for key in words if key in value]
    return f"it is asked for {' and '.join(parts)}"


def _time(value: Plain) -> str:
    part = {"start": "it begins", "all": "all of it lies", "any": "any of it lies"}
    days = ", ".join(day.capitalize() for day in value["days"])
    hours = f"{value['from']} to {value['to']} {value['zone']}"
    return f"{part[value['covering']]} on {days} from {hours}"


def _extension(value: Plain) -> str:
    most = value.get("most", _UNSAID.extension.most)
    length = duration(value.get("max_minutes", _UNSAID.extension.max_minutes))
    times = "once" if most == 1 else f"up to {most} times"
    return f"Can be extended {times}, each by at most {length}." if most else "No extension."


def _ticket(value: Plain) -> str:
    matching = f" that matches {value['pattern']}" if "pattern" in value else ""
    if value["required"]:
        return f"A ticket is needed{matching}."
    return f"A ticket may be given, one{matching}." if matching else ""


_SUBJECTS = {
    "subscription": "the subscription", "resource_group": "the resource group",
    "machine": "the machine", "region": "the region", "os": "the operating system",
    "kind": "the way in", "owner": "the machine's owner tag",
    "vendor_domain": "the vendor's mail domain",
}  # fmt: skip
_CONDITIONS: dict[str, Callable[[Any], str]] = {
    "tags": _tags,
    "production": lambda value: f"the machine is {'' if value else 'not '}production",
    "port": lambda value: f"the port is {_or(value)}",
    "minutes": _length,
    "requester": lambda value: f"who asks is in the group {_or(value)}",
    "role": lambda value: f"who asks holds the role {_or([v.title() for v in value])}",
    "time": _time,
}
_OUTCOMES: dict[str, Callable[[Any], str]] = {
    "allow": lambda value: "" if value else "Not allowed.",
    "why": lambda value: f"They are told: “{value}”",
    "auto_approve": lambda value: "Approved by the rule, without people." if value else "",
    "max_minutes": lambda value: f"For at most {duration(value)}.",
    "notice_minutes": lambda value: f"Asked at least {duration(value)} ahead." if value else "",
    "scheduled": lambda value: "" if value else "For now only, not for a later time.",
    "ticket": _ticket,
    "step_up": lambda value: "Whoever approves signs in anew for it." if value else "",
    "extension": _extension,
    "end": lambda value: (
        "Sessions are disconnected at its end."
        if value == "hard"
        else "Sessions may finish after its end."
    ),
    "grace_minutes": lambda value: (
        f"At its end nobody gets in any more; sessions have {duration(value)} to finish."
    ),
    "lapse_minutes": lambda value: f"Expires after {duration(value)} without a decision.",
}
_ORDER = ("allow", "why", "auto_approve", "approvals", *(k for k in KEYS if k not in {
    "allow", "why", "auto_approve", "approvals",
}))  # fmt: skip
