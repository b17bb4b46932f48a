"""What a letter tells of, gathered before anybody puts it into words."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Min

from access.delivery.facts import name_of, visible
from access.models import Grant
from links.models import Invitation

SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """All that people typed is shown as what it is from here on: no mark that turns a line, and
    no line break where none belongs."""

    name: str
    company: str
    alias: str
    sponsor: str
    credentials: str
    zone: str
    language: str
    reference: str
    minutes: int
    starts_at: datetime | None = None  # ``None``: as soon as it is approved
    ends_at: datetime | None = None
    address: str = field(default="", repr=False)
    code: str = field(default="", repr=False)
    code_until: datetime | None = None
    code_minutes: int = 0
    was_open: bool = True
    how: str = ""  # it ended: of ``EndedHow``, or empty where its time was over
    early: bool = False  # before its time, whoever or whatever ended it
    ended_at: datetime | None = None
    answer: str = ""  # to a wish for more time

    def having(self, **made: Any) -> "Occasion":
        return replace(self, **made)


@dataclass(frozen=True)
class Draft:
    """An invitation that nobody has asked for yet, as its sponsor typed it."""

    name: str
    company: str
    mail: str
    alias: str
    sponsor: str
    starts_at: datetime | None
    minutes: int
    zone: str
    language: str
    credentials: str


def drafted(draft: Draft, *, address: str, reference: str) -> Occasion:
    ends_at = draft.starts_at and draft.starts_at + timedelta(minutes=draft.minutes)
    return Occasion(
        name=name_of(draft.name),
        company=name_of(draft.company),
        alias=name_of(draft.alias),
        sponsor=name_of(draft.sponsor),
        credentials=visible(draft.credentials, lines=True),
        zone=draft.zone,
        language=draft.language,
        reference=reference,
        minutes=draft.minutes,
        starts_at=draft.starts_at,
        ends_at=ends_at,
        address=address,
    )


def occasion_of(invitation: Invitation, data: Mapping[str, Any]) -> Occasion:
    """As it stands now: more time that was approved meanwhile is in it. ``data`` is what was kept
    with the notice."""
    asked = invitation.access_request
    mine = Grant.objects.filter(access_request=asked, kind=asked.kind)
    window = mine.aggregate(
        starts=Min("starts_at"), ends=Max("ends_at"), due=Max("due_at"), closed=Max("closed_at")
    )
    starts_at, ends_at = window["starts"], window["ends"]
    length = ends_at - starts_at if starts_at and ends_at else asked.duration
    return Occasion(
        name=name_of(invitation.name),
        company=name_of(invitation.company),
        alias=name_of(invitation.alias),
        sponsor=name_of(asked.requester.display_name),
        credentials=visible(invitation.credentials, lines=True),
        zone=invitation.zone,
        language=invitation.language,
        reference=asked.reference,
        minutes=int(length.total_seconds() // SECONDS),
        starts_at=starts_at,
        ends_at=ends_at,
        was_open=bool(data.get("was_open", True)),
        how=str(data.get("how", "")),
        early=bool(window["due"] and ends_at and window["due"] < ends_at),
        ended_at=window["closed"],
        answer=visible(data.get("answer", ""), lines=True),
    )
