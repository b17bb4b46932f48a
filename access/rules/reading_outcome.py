"""From what a rule decides, as it was written, to plain values and to a judgement."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from access.rules.judgement import (
    HARD,
    SOFT,
    BreakGlass,
    Extension,
    Judgement,
    Source,
    Stage,
)
from access.rules.patterns import PATTERN_MOST, pattern_problem
from access.rules.problems import At, nearest
from access.rules.reading_when import LONGEST_MINUTES, ROLES, read_group

MOST_GRACE = 120
MOST_STAGES, MOST_NEEDED = 10, 10
MOST_EXTENSIONS = 20
WHY_MOST = 500
KEYS = (
    "allow", "why", "approvals", "auto_approve", "max_minutes", "notice_minutes", "scheduled",
    "ticket", "step_up", "extension", "end", "grace_minutes", "break_glass", "lapse_minutes",
)  # fmt: skip
Plain = dict[str, Any]


def read_outcome(fields: Mapping[str, At], groups: Collection[str]) -> Plain:
    """What was written, each value in its one canonical form. Missing keys stay missing."""
    found: Plain = {}
    for key in KEYS:
        if key in fields:
            at = fields[key]
            found[key] = _SIMPLE[key](at) if key in _SIMPLE else _WITH_GROUPS[key](at, groups)
    return found


def merged(defaults: Plain, own: Plain) -> Plain:
    """The rule's own keys instead of the defaults', each as a whole. What would contradict the
    rule's own word is not taken over: approvals for what needs none, time to finish before what
    ends at once."""
    left_out: set[str] = set()
    if own.get("auto_approve"):
        left_out.add("approvals")
    if own.get("approvals"):
        left_out.add("auto_approve")
    if own.get("end") == HARD:
        left_out.add("grace_minutes")
    return {k: v for k, v in defaults.items() if k not in left_out} | own


def judgement_of(outcome: Plain, rule: str) -> Judgement:
    """Of ``owner`` the name is filled in when somebody asks."""
    if not outcome.get("allow", True):
        return Judgement(allowed=False, rules=(rule,), why_not=outcome.get("why", ""))
    same = ("max_minutes", "notice_minutes", "step_up", "scheduled", "end", "lapse_minutes")
    values = {key: outcome[key] for key in same if key in outcome}
    ticket = outcome.get("ticket", {})
    auto = outcome.get("auto_approve", False)
    glass = outcome.get("break_glass", {})
    return Judgement(
        rules=(rule,),
        stages=() if auto else tuple(_stage(each) for each in outcome.get("approvals", ())),
        ticket_required=ticket.get("required", False),
        ticket_patterns=(ticket["pattern"],) if "pattern" in ticket else (),
        auto_approve=auto,
        extension=Extension(**outcome.get("extension", {})),
        grace_minutes=outcome.get("grace_minutes", 0) if outcome.get("end") == SOFT else 0,
        break_glass=BreakGlass(
            tuple(_source(each) for each in glass.get("who", ())), glass.get("max_minutes", 60)
        ),
        **values,
    )


def _stage(plain: Plain) -> Stage:
    escalate = plain.get("escalate", {})
    return Stage(
        sources=tuple(_source(each) for each in plain["from"]),
        needed=plain["needed"],
        label=plain.get("label", ""),
        escalate_after=escalate.get("after"),
        escalate_to=tuple(_source(each) for each in escalate.get("to", ())),
    )


def _source(plain: str | dict[str, str]) -> Source:
    if isinstance(plain, str):
        return Source(plain)
    ((kind, name),) = plain.items()
    return Source(kind, name)


def _approvals(at: At, groups: Collection[str]) -> list[Plain]:
    stages = at.listed()
    if len(stages) > MOST_STAGES:
        at.wrong(f"has more than {MOST_STAGES} stages.")
    if not stages and at.value == []:
        at.wrong("must name at least one stage; for none at all write auto_approve: true.")
    return [_read_stage(each, groups) for each in stages[:MOST_STAGES]]


def _read_stage(at: At, groups: Collection[str]) -> Plain:
    fields = at.fields(("from", "needed", "label", "escalate"))
    if "from" not in fields:
        at.wrong("needs from: who may approve it.")
    found: Plain = {
        "from": _sources(fields["from"], groups) if "from" in fields else [],
        "needed": fields["needed"].number(1, MOST_NEEDED) if "needed" in fields else 1,
    }
    if "label" in fields:
        found["label"] = fields["label"].text()
    if "escalate" in fields:
        found["escalate"] = _escalate(fields["escalate"], groups)
    return found


def _escalate(at: At, groups: Collection[str]) -> Plain:
    fields = at.fields(("after", "to"))
    if not {"after", "to"} <= fields.keys():
        at.wrong("needs after (minutes) and to (who may decide it then).")
        return {}
    return {
        "after": fields["after"].number(1, LONGEST_MINUTES),
        "to": _sources(fields["to"], groups),
    }


def _sources(at: At, groups: Collection[str]) -> list[str | dict[str, str]]:
    found: list[str | dict[str, str]] = []
    for each in at.each():
        source = _read_source(each, groups)
        if source is not None and source in found:
            each.wrong("stands here a second time.")
        elif source is not None:
            found.append(source)
    return found


def _read_source(at: At, groups: Collection[str]) -> str | dict[str, str] | None:
    words = "must be owner, manager, {role: approver}, {group: name} or {person: identity}."
    if isinstance(at.value, str):
        if at.value not in ("owner", "manager"):
            at.wrong(words + nearest(at.value, ("owner", "manager")))
        return at.value
    if not isinstance(at.value, dict) or len(at.value) != 1:
        at.wrong(words)
        return None
    ((kind, place),) = at.fields(("role", "group", "person")).items() or (("", at),)
    return {kind: _named(kind, place, groups)} if kind else None


def _named(kind: str, at: At, groups: Collection[str]) -> str:
    if kind == "group":
        return read_group(at, groups)
    return at.one_of(ROLES) if kind == "role" else read_identity(at)


def read_identity(at: At) -> str:
    """``tenant/object`` or the object alone."""
    text = at.text()
    if text and (any(c.isspace() or c == "*" for c in text) or text.strip("/").count("/") > 1):
        at.wrong("must be an account: tenant/object, or the object id alone.")
    if text.startswith("/") or text.endswith("/"):
        at.wrong("must be an account: tenant/object, or the object id alone.")
    return text


def _ticket(at: At) -> Plain:
    fields = at.fields(("required", "pattern"))
    found: Plain = {"required": fields["required"].flag() if "required" in fields else True}
    if "pattern" in fields:
        found["pattern"] = fields["pattern"].text(PATTERN_MOST)
        problem = pattern_problem(found["pattern"])
        if problem:
            fields["pattern"].wrong(f"{problem}. Look-around and back-references are not known.")
    return found


def _extension(at: At) -> Plain:
    fields = at.fields(("most", "max_minutes"))
    found: Plain = {}
    if "most" in fields:
        found["most"] = fields["most"].number(0, MOST_EXTENSIONS)
    if "max_minutes" in fields:
        found["max_minutes"] = fields["max_minutes"].number(1, LONGEST_MINUTES)
    return found


def _break_glass(at: At, groups: Collection[str]) -> Plain:
    fields = at.fields(("who", "max_minutes"))
    if "who" not in fields:
        at.wrong("needs who: those that may open without approval.")
    found: Plain = {"who": _sources(fields["who"], groups) if "who" in fields else []}
    if "owner" in found["who"] or "manager" in found["who"]:
        fields["who"].wrong("must name roles, groups or people.")
    if "max_minutes" in fields:
        found["max_minutes"] = fields["max_minutes"].number(1, LONGEST_MINUTES)
    return found


_SIMPLE: dict[str, Callable[[At], Any]] = {
    "allow": At.flag,
    "why": lambda at: at.text(WHY_MOST),
    "auto_approve": At.flag,
    "max_minutes": lambda at: at.number(1, LONGEST_MINUTES),
    "notice_minutes": lambda at: at.number(0, LONGEST_MINUTES),
    "scheduled": At.flag,
    "ticket": _ticket,
    "step_up": At.flag,
    "extension": _extension,
    "end": lambda at: at.one_of((HARD, SOFT)),
    "grace_minutes": lambda at: at.number(1, MOST_GRACE),
    "lapse_minutes": lambda at: at.number(1, LONGEST_MINUTES),
}
_WITH_GROUPS: dict[str, Callable[[At, Collection[str]], Any]] = {
    "approvals": _approvals,
    "break_glass": _break_glass,
}
