"""What a policy says of one request: plain data, kept with the request as it was then.

Everything here is a value: no database, no clock, no people's rows. ``Asked`` goes in,
``Judgement`` comes out. Lengths are minutes.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

HARD, SOFT = "hard", "soft"


@dataclass(frozen=True)
class Source:
    """Where approvers come from. ``kind``: ``role``, ``group``, ``person``, ``owner`` (the group
    that the machine's owner tag names) or ``manager`` (the requester's). ``name`` is the group's,
    or the person's ``tenant/object`` id, or the object id alone; of ``owner`` the tag's value."""

    kind: str
    name: str = ""


@dataclass(frozen=True)
class Stage:
    """Approvals that are needed before the next stage is asked. After ``escalate_after`` minutes
    without a decision the people of ``escalate_to`` may decide it too."""

    sources: tuple[Source, ...]
    needed: int = 1
    label: str = ""
    escalate_after: int | None = None
    escalate_to: tuple[Source, ...] = ()


@dataclass(frozen=True)
class Extension:
    """``most`` times in all, each by at most ``max_minutes``. Nought times: not at all."""

    most: int = 2
    max_minutes: int = 240


@dataclass(frozen=True)
class BreakGlass:
    """Who may open at once without approval, and for how long."""

    sources: tuple[Source, ...] = ()
    max_minutes: int = 60

    @property
    def allowed(self) -> bool:
        return bool(self.sources)


@dataclass(frozen=True)
class Judgement:
    """``rules``: names of the rules that matched, one for each different one. ``why_not``: set
    when it is not allowed at all. No stages and not ``auto_approve`` means nobody could approve.
    """

    allowed: bool = True
    rules: tuple[str, ...] = ()
    why_not: str = ""
    max_minutes: int = 2880
    notice_minutes: int = 0
    stages: tuple[Stage, ...] = ()
    ticket_required: bool = False
    ticket_patterns: tuple[str, ...] = ()
    step_up: bool = False
    auto_approve: bool = False
    scheduled: bool = True
    extension: Extension = field(default_factory=Extension)
    end: str = HARD
    grace_minutes: int = 0
    break_glass: BreakGlass = field(default_factory=BreakGlass)
    lapse_minutes: int = 480

    def as_json(self) -> dict[str, Any]:
        """Plain lists and dictionaries, such as a JSON column holds."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Judgement":
        """The reverse of ``as_json``. What an older version did not know keeps its default."""
        values: dict[str, Any] = {k: v for k, v in kept.items() if k in cls.__dataclass_fields__}
        for name in ("rules", "ticket_patterns"):
            values[name] = tuple(values.get(name, ()))
        values["stages"] = tuple(_stage(each) for each in values.get("stages", ()))
        if "extension" in values:
            values["extension"] = Extension(**values["extension"])
        if "break_glass" in values:
            glass = values["break_glass"]
            values["break_glass"] = BreakGlass(_sources(glass["sources"]), glass["max_minutes"])
        return cls(**values)

    def digest(self) -> str:
        """SHA-256 of the canonical form, in hexadecimal."""
        text = json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Asked:
    """What rules match on: one machine and one way in, and who asks. ``groups`` are the names of
    the policy's groups that the requester is in; ``start`` is aware, in any zone."""

    kind: str
    port: int
    minutes: int
    start: datetime
    subscription_id: str = ""
    subscription_name: str = ""
    resource_group: str = ""
    machine: str = ""
    region: str = ""
    os: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    production: bool = False
    owner: str = ""
    requester: str = ""  # tenant/object id
    groups: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    vendor_domain: str = ""


def _stage(kept: Mapping[str, Any]) -> Stage:
    return Stage(
        sources=_sources(kept["sources"]),
        needed=kept["needed"],
        label=kept["label"],
        escalate_after=kept["escalate_after"],
        escalate_to=_sources(kept["escalate_to"]),
    )


def _sources(kept: Any) -> tuple[Source, ...]:
    return tuple(Source(**each) for each in kept)
