"""Test files of a policy: what somebody asks for, and what must be said of it.

Reading and comparing only. ``access.trying`` finds out what is said, with the people and machines
of the database.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from access.rules import yaml_text
from access.rules.problems import At, BadPolicy
from access.rules.reading_outcome import read_identity
from access.rules.reading_when import HIGHEST_PORT, LONGEST_MINUTES, ROLES, SYSTEMS

MOST_CASES = 2000
ASKED = (
    "asks", "machine", "kind", "port", "minutes", "start", "ahead", "ticket", "vendor_mail",
)  # fmt: skip
FACTS = ("name", "subscription", "resource_group", "region", "os", "tags")


@dataclass(frozen=True)
class Somebody:
    """Who asks, when it is nobody in particular: groups of the policy, and roles."""

    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ("engineer",)


@dataclass(frozen=True)
class Facts:
    """A machine that need not exist."""

    name: str = ""
    subscription: str = ""
    resource_group: str = ""
    region: str = ""
    os: str = "linux"
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """``start``: ``None`` for the present moment. ``ahead``: how many minutes before its start it
    is asked; 0 for access that begins as soon as it is approved. ``port``: ``None`` for the one
    through which people sign in to such a machine."""

    name: str
    asks: str | Somebody
    machines: tuple[str | Facts, ...]
    expect: Mapping[str, Any]
    kind: str = "window"
    port: int | None = None
    minutes: int = 60
    start: datetime | None = None
    ahead: int = 0
    ticket: str = ""
    vendor_mail: str = ""


@dataclass(frozen=True)
class CaseFile:
    """``policy``: path beside the file; empty for the policy in force."""

    policy: str
    cases: tuple[Case, ...]


def read_cases(text: str) -> CaseFile:
    """Raises ``BadPolicy`` with all that is wrong."""
    problems: list[str] = []
    fields = At(yaml_text.read(text), "", problems).fields(("policy", "given", "cases"))
    given = fields["given"].fields(ASKED) if "given" in fields else {}
    places = fields["cases"].listed() if "cases" in fields else []
    if not places:
        problems.append("cases is missing or empty.")
    if len(places) > MOST_CASES:
        problems.append(f"There are more than {MOST_CASES} cases.")
    cases = [_case(each, given) for each in places[:MOST_CASES]]
    policy = fields["policy"].text() if "policy" in fields else ""
    if problems:
        raise BadPolicy(list(dict.fromkeys(problems)))
    return CaseFile(policy, tuple(cases))


def differences(expect: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """One line for each thing that is otherwise. What is expected to be allowed must also be
    filled in rightly, unless ``refused`` says otherwise."""
    wanted = {"allowed": True, **expect}
    if wanted["allowed"]:
        wanted = {"refused": [], **wanted}
    rows = [(key, wanted[key], found[key]) for key in EXPECTED if key in wanted]
    return [
        f"{key}: expected {_shown(want)}, found {_shown(got)}"
        for key, want, got in rows
        if not _COMPARED.get(key, _same)(want, got)
    ]


def _case(at: At, given: Mapping[str, At]) -> Case:
    own = at.fields(("name", "expect", *ASKED))
    fields = {**given, **own}
    for key in ("name", "asks", "machine", "expect"):
        if key not in fields:
            at.wrong(f"needs {key}.")
    asked = {key: _ASKED[key](fields[key]) for key in _ASKED if key in fields}
    machines = fields["machine"].each() if "machine" in fields else []
    return Case(
        name=own["name"].text() if "name" in own else "",
        asks=_asks(fields["asks"]) if "asks" in fields else "",
        machines=tuple(_machine(each) for each in machines),
        expect=_expect(own["expect"]) if "expect" in own else {},
        **asked,
    )


def _asks(at: At) -> str | Somebody:
    if not isinstance(at.value, dict):
        return read_identity(at)
    fields = at.fields(("groups", "roles"))
    groups = tuple(e.text() for e in fields["groups"].each()) if "groups" in fields else ()
    if "roles" not in fields:
        return Somebody(groups)
    return Somebody(groups, tuple(e.one_of(ROLES) for e in fields["roles"].each()))


def _machine(at: At) -> str | Facts:
    if not isinstance(at.value, dict):
        return at.text()
    fields = at.fields(FACTS)
    values: dict[str, Any] = {
        key: fields[key].text() for key in FACTS if key in fields and key not in ("os", "tags")
    }
    if "os" in fields:
        values["os"] = fields["os"].one_of(SYSTEMS)
    if "tags" in fields:
        values["tags"] = {key: each.text() for key, each in fields["tags"].entries().items()}
    return Facts(**values)


def _moment(at: At) -> datetime | None:
    """``2026-03-02T10:00+01:00``, or ``2026-03-02 10:00 Europe/Zurich``."""
    text = at.text()
    moment, _, zone = text.rpartition(" ")
    try:
        if zone in available_timezones():
            return datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone))
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        at.wrong('must be a moment with its zone, such as "2026-03-02 10:00 Europe/Zurich".')
        return None
    return found


def _expect(at: At) -> dict[str, Any]:
    fields = at.fields(tuple(EXPECTED))
    if at.value == {}:
        at.wrong("must say something.")
    return {key: EXPECTED[key](fields[key]) for key in EXPECTED if key in fields}


def _texts(at: At) -> list[str]:
    """Also of one text alone, and of an empty list."""
    if at.value == []:
        return []
    return sorted(each.text() for each in at.each())


def _stages(at: At) -> list[list[str]]:
    return [_texts(each) for each in at.listed()]


def _approvers(at: At) -> list[list[str]]:
    """Of one stage alone a plain list will do."""
    plain = isinstance(at.value, list) and all(isinstance(each, str) for each in at.value)
    return [_texts(at)] if plain and at.value else _stages(at)


def _needed(at: At) -> list[int]:
    return [each.number(1, 10) for each in at.each()]


def _minutes(at: At) -> int:
    return at.number(0, LONGEST_MINUTES)


def _same(want: Any, got: Any) -> bool:
    return bool(want == got)


def _within(want: str, got: str) -> bool:
    return want.casefold() in got.casefold()


def _same_people(want: list[list[str]], got: list[list[str]]) -> bool:
    """Accounts may be written with their tenant or without."""
    return len(want) == len(got) and all(map(_same_accounts, want, got))


def _same_accounts(want: Collection[str], got: Collection[str]) -> bool:
    wanted = {each.casefold() for each in want}
    found = {each.casefold() for each in got}
    left = {each for each in found if each not in wanted}
    objects = {each.rpartition("/")[2] for each in left}
    return wanted - found == objects and len(objects) == len(left)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "[" + ", ".join(_shown(each) for each in value) + "]"
    return str(value) if value != "" else "nothing"


_ASKED: dict[str, Callable[[At], Any]] = {
    "kind": At.text,
    "port": lambda at: at.number(1, HIGHEST_PORT),
    "minutes": lambda at: at.number(1, LONGEST_MINUTES),
    "start": _moment,
    "ahead": _minutes,
    "ticket": At.text,
    "vendor_mail": At.text,
}
EXPECTED: dict[str, Callable[[At], Any]] = {
    "allowed": At.flag,
    "why": At.text,
    "rule": _texts,
    "auto_approve": At.flag,
    "stages": _stages,
    "needed": _needed,
    "approvers": _approvers,
    "blocked": At.flag,
    "max_minutes": _minutes,
    "notice_minutes": _minutes,
    "ticket_required": At.flag,
    "step_up": At.flag,
    "scheduled": At.flag,
    "extensions": _minutes,
    "extension_minutes": _minutes,
    "end": At.text,
    "grace_minutes": _minutes,
    "break_glass": _texts,
    "break_glass_minutes": _minutes,
    "lapse_minutes": _minutes,
    "refused": _texts,
}
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {"why": _within, "approvers": _same_people}
