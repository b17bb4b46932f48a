"""Grants as lines of a page: what each is, and what it waits for."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from access import policy
from access.engine.hooks import NOT_KEPT
from access.models import Grant, Person
from access.presenters import statuses
from access.presenters.moments import clock, near
from access.presenters.ways import is_for_vendor, label_of, port_words
from access.states import WANTING, GrantState

SOON = timedelta(minutes=15)  # before the end: time to ask for more
MOVING = (GrantState.SCHEDULED, GrantState.OPENING, GrantState.CLOSING)


@dataclass(frozen=True)
class GrantLine:
    grant: Grant
    status: statuses.Status
    label: str
    overdue: bool
    may_end: bool
    may_extend: bool
    ends_soon: bool
    ending: bool  # somebody ordered the end; workers have not begun yet
    waits_for: str  # what is outstanding, or why Azure was not asked

    @property
    def is_open(self) -> bool:
        return self.grant.state == GrantState.OPEN

    @property
    def state_alone(self) -> statuses.Status:
        """Beside a column that says until when: the end is not said twice."""
        plain = self.is_open and not (self.overdue or self.ending or self.grant.outstanding)
        return statuses.OPEN if plain else self.status

    @property
    def is_over(self) -> bool:
        return self.grant.state == GrantState.CLOSED

    @property
    def moving(self) -> bool:
        return self.grant.state in MOVING or self.ending

    @property
    def only_serves(self) -> bool:
        """A window without which the link that was asked for would lead to a shut port."""
        return self.grant.kind != self.grant.access_request.kind

    @property
    def for_vendor(self) -> bool:
        return is_for_vendor(self.grant.kind)

    @property
    def port_words(self) -> str:
        return port_words(self.grant.port)


def line_for(grant: Grant, viewer: Person, now: datetime) -> GrantLine:
    """Needs machine__bastion, gate, end_order and access_request loaded, or asks for each."""
    ending = hasattr(grant, "end_order") and grant.state != GrantState.CLOSED
    may_end = policy.may_end(grant, viewer) and not ending
    return GrantLine(
        grant=grant,
        status=statuses.of_grant(grant, now),
        label=label_of(grant.kind, grant.port),
        overdue=statuses.is_overdue(grant, now),
        may_end=may_end and _can_end(grant),
        may_extend=not ending and _may_extend(grant, viewer, now),
        ends_soon=grant.state == GrantState.OPEN and grant.ends_at - now <= SOON,
        ending=ending,
        waits_for=_waits_for(grant, now, ending=ending),
    )


def lines_for(grants: Iterable[Grant], viewer: Person, now: datetime) -> list[GrantLine]:
    """Overdue first, then as they came."""
    lines = [line_for(grant, viewer, now) for grant in grants]
    return sorted(lines, key=lambda line: not line.overdue)


def _can_end(grant: Grant) -> bool:
    """In the grace of a soft end there is still something to be ended: the session."""
    if grant.state == GrantState.CLOSING:
        return grant.grace_minutes > 0
    return grant.state != GrantState.CLOSED


def _may_extend(grant: Grant, viewer: Person, now: datetime) -> bool:
    """Somebody asks for more time while they have it; how much is asked of the policy then."""
    asked = grant.access_request
    wanted = grant.state in WANTING and grant.opened_at is not None and grant.ends_at > now
    own = asked.requester_id == viewer.pk and policy.has(viewer, policy.Act.ASK)
    return wanted and own and grant.kind == asked.kind and not asked.hold


def _in_trouble(grant: Grant, now: datetime) -> str:
    said = f"{_sentence(grant.outstanding)}. " if grant.outstanding else ""
    whose = "" if grant.problem == NOT_KEPT else "Azure: "
    return f"{said}{whose}{grant.problem.rstrip('.')}. {next_try(grant.not_before, now)}"


def _sentence(text: str) -> str:
    """``capitalize`` would make "azure" of Azure."""
    return text[:1].upper() + text[1:]


def next_try(at: datetime | None, now: datetime) -> str:
    """A sentence for who waits for it."""
    if at is None or at <= now:
        return "It is tried again now."
    return f"Next try at {clock(at, seconds=True)}."


def _waits_for(grant: Grant, now: datetime, *, ending: bool) -> str:
    """What is outstanding and when it is tried next; empty when nothing is."""
    if grant.state == GrantState.CLOSED:
        return ""
    if grant.state == GrantState.SCHEDULED and not ending:
        return grant.outstanding  # held back in an incident
    if grant.gate.problem:
        problem = grant.gate.problem.rstrip(".")
        again = next_try(grant.gate.pause_until, now)
        return f"Azure is not answering as it should: {problem}. {again}"
    if grant.problem:
        return _in_trouble(grant, now)
    if statuses.is_finishing(grant, now) and grant.finish_by and grant.outstanding:
        return f"{_sentence(grant.outstanding)} until {near(grant.finish_by, now)}."
    return grant.outstanding or _on_its_way(grant, ending=ending)


def _on_its_way(grant: Grant, *, ending: bool) -> str:
    if grant.state == GrantState.CLOSING:
        return "Azure was asked to close it. It counts as closed only when Azure shows it shut."
    if ending:
        return "Its end was ordered. Closing begins within seconds."
    return "Azure was asked to open it." if grant.state == GrantState.OPENING else ""
