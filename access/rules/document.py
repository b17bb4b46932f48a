"""The policy: who may have what, for how long, and who must agree. Parsed once, then only read.

Rules are tried in order and the first that matches decides. When none does, nothing is allowed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from access.rules import yaml_text
from access.rules.conditions import When, first_failure
from access.rules.judgement import Asked, Judgement, Source, Stage
from access.rules.problems import At, BadPolicy
from access.rules.reading_outcome import (
    KEYS,
    Plain,
    judgement_of,
    merged,
    read_identity,
    read_outcome,
)
from access.rules.reading_when import read_when
from access.rules.sense import Draft, senseless

__all__ = ["BadPolicy", "Policy", "Rule", "parse"]

VERSION = 1
TOP = ("version", "groups", "defaults", "rules")
MOST_RULES, MOST_GROUPS, MOST_MEMBERS = 300, 300, 2000
NAME_MOST = 80
NO_MATCH = "No rule of the policy allows this."
NOT_WITHOUT_PEOPLE = "Production is never opened without approval, whatever a rule says."


@dataclass(frozen=True)
class Rule:
    """``verdict``: what it decides, save for what depends on who asks for what."""

    name: str
    when: When
    verdict: Judgement


@dataclass(frozen=True, eq=False)
class Policy:
    """``document``: the canonical form, plain data; parsing it gives the same policy."""

    groups: Mapping[str, tuple[str, ...]]
    rules: tuple[Rule, ...]
    document: dict[str, Any] = field(repr=False)

    def judge(self, asked: Asked) -> Judgement:
        """Pure, and an answer to everything."""
        for rule in self.rules:
            if not first_failure(rule.when, asked):
                return self._applied(rule.verdict, asked)
        return Judgement(allowed=False, why_not=NO_MATCH)

    def explain(self, asked: Asked) -> list[tuple[str, bool, str]]:
        """Of every rule: its name, whether it matches, and the first condition that does not hold,
        in words. The first that matches is the one that decides."""
        failures = [(rule.name, first_failure(rule.when, asked)) for rule in self.rules]
        return [(name, not failure, failure) for name, failure in failures]

    def groups_of(self, identity: str) -> frozenset[str]:
        """``identity``: ``tenant/object``. A member may be written so, or as the object alone."""
        account = identity.casefold()
        return self._memberships.get(account, frozenset()) | self._memberships.get(
            account.rpartition("/")[2], frozenset()
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical document, in hexadecimal."""
        text = json.dumps(self.document, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def _memberships(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for name, members in self.groups.items():
            for member in members:
                found.setdefault(member.casefold(), set()).add(name)
        return {member: frozenset(names) for member, names in found.items()}

    @cached_property
    def _named(self) -> dict[str, str]:
        return {name.casefold(): name for name in self.groups}

    def _applied(self, verdict: Judgement, asked: Asked) -> Judgement:
        """The second lock on production: parsing has refused such a rule already."""
        if verdict.auto_approve and asked.production:
            return Judgement(allowed=False, rules=verdict.rules, why_not=NOT_WITHOUT_PEOPLE)
        owner = self._named.get(asked.owner.casefold(), asked.owner)
        return replace(verdict, stages=tuple(_owned(stage, owner) for stage in verdict.stages))


def parse(source: str | Mapping[str, Any]) -> Policy:
    """From YAML, or from a canonical document. Raises ``BadPolicy`` with all that is wrong."""
    problems: list[str] = []
    value = yaml_text.read(source) if isinstance(source, str) else dict(source)
    policy = _read(At(value, "", problems))
    if problems:
        raise BadPolicy(list(dict.fromkeys(problems)))
    return policy


def _read(at: At) -> Policy:
    if at.value is None:
        at.wrong("The policy is empty.")
        at.value = {}
    fields = at.fields(TOP)
    _check_version(at, fields)
    groups = _groups(fields["groups"]) if "groups" in fields else {}
    defaults = read_outcome(fields["defaults"].fields(KEYS), groups) if "defaults" in fields else {}
    drafts = _drafts(at, fields, defaults, groups)
    senseless(drafts, defaults, groups)
    rules = [Rule(d.name, d.when, judgement_of(d.outcome, d.name)) for d in drafts if d.sound]
    document: dict[str, Any] = {
        "version": VERSION,
        "groups": {name: list(members) for name, members in sorted(groups.items())},
        "defaults": defaults,
        "rules": [_plain(draft) for draft in drafts],
    }
    return Policy(groups, tuple(rules), document)


def _check_version(at: At, fields: Mapping[str, At]) -> None:
    if "version" not in fields:
        at.wrong(f"version is missing: write version: {VERSION} at the top.")
    elif fields["version"].value != VERSION or fields["version"].value is True:
        fields["version"].wrong(f"must be {VERSION}, the only one there is.")


def _groups(at: At) -> dict[str, tuple[str, ...]]:
    entries = at.entries("must be a mapping of group names to lists of members.")
    if len(entries) > MOST_GROUPS:
        at.wrong(f"has more than {MOST_GROUPS} groups.")
        return {}
    folded: set[str] = set()
    for name, each in entries.items():
        if name.casefold() in folded:
            each.wrong("another group has this name but for its case.")
        if not name.strip() or len(name) > NAME_MOST or not name.isprintable() or "*" in name:
            each.wrong(f"a group's name is at most {NAME_MOST} characters, without *.")
        folded.add(name.casefold())
    return {name: _members(each) for name, each in entries.items()}


def _members(at: At) -> tuple[str, ...]:
    places = at.listed()
    if len(places) > MOST_MEMBERS:
        at.wrong(f"has more than {MOST_MEMBERS} members.")
        return ()
    found: dict[str, str] = {}
    for each in places:
        identity = read_identity(each)
        if identity.casefold() in found:
            each.wrong(f"{identity} stands here a second time.")
        found.setdefault(identity.casefold(), identity)
    return tuple(sorted(identity for identity in found.values() if identity))


def _drafts(
    at: At, fields: Mapping[str, At], defaults: Plain, groups: Mapping[str, tuple[str, ...]]
) -> list[Draft]:
    places = fields["rules"].listed() if "rules" in fields else []
    if not places:
        at.wrong("rules is missing or empty, so nobody could ask for anything.")
    if len(places) > MOST_RULES:
        at.wrong(f"rules has more than {MOST_RULES}.")
    return [_draft(each, defaults, groups) for each in places[:MOST_RULES]]


def _draft(at: At, defaults: Plain, groups: Mapping[str, tuple[str, ...]]) -> Draft:
    before = len(at.problems)
    fields = at.fields(("name", "when", *KEYS))
    if "name" not in fields:
        at.wrong("needs a name.")
    name = fields["name"].text(NAME_MOST) if "name" in fields else ""
    when = read_when(fields["when"], groups) if "when" in fields else {}
    own = read_outcome({k: v for k, v in fields.items() if k in KEYS}, groups)
    sound = len(at.problems) == before
    return Draft(at, name, when, own, merged(defaults, own), sound)


def _plain(draft: Draft) -> dict[str, Any]:
    when = {key: condition.plain() for key, condition in draft.when.items()}
    return {"name": draft.name, **({"when": when} if when else {}), **draft.own}


def _owned(stage: Stage, owner: str) -> Stage:
    """The owner's group instead of the word ``owner``."""

    def filled(sources: tuple[Source, ...]) -> tuple[Source, ...]:
        return tuple(replace(s, name=owner) if s.kind == "owner" else s for s in sources)

    return replace(stage, sources=filled(stage.sources), escalate_to=filled(stage.escalate_to))
