"""Where people are signed in, for those who may see it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from access.models import Person
from portal.models import BrowserSession
from portal.signin import devices, limits
from portal.signin.sessions import DECIDES

HANDLE = 16  # so many characters of a row's key name it in an address: of one person it is unique


@dataclass(frozen=True)
class Browser:
    """One session. ``ends_at``: when it ends whatever is done in it."""

    row: BrowserSession
    device: str
    ends_at: datetime
    here: bool  # the one that looks

    @property
    def handle(self) -> str:
        return self.row.pk[:HANDLE]


def alive(now: datetime) -> QuerySet[BrowserSession]:
    """Sessions in which somebody is signed in, by the rules of ``limits.ending_of``."""
    rows = BrowserSession.objects.annotate(decides=DECIDES).filter(
        Q(decides=False) | Q(signed_in_at__gt=now - limits.longest_of_deciders()),
        ended_at__isnull=True,
        expire_date__gt=now,
        signed_in_at__gt=now - limits.longest(),
        seen_at__gt=now - limits.idle(),
    )
    return rows.filter(person__is_active=True).order_by("-seen_at", "pk")


def browsers_of(person: Person, now: datetime, *, here: str) -> list[Browser]:
    """Last used first. ``here``: the key of the row that looks."""
    return [_browser(row, here) for row in alive(now).filter(person=person)]


def browser_named(handle: str, person: Person, now: datetime, *, here: str) -> Browser | None:
    """One of the person's own; anybody else's does not exist."""
    row = alive(now).filter(person=person, pk__startswith=handle).first()
    return _browser(row, here) if row else None


def signed_in_counts(people: Iterable[Person], now: datetime) -> dict[int, int]:
    """Id of a person to how many browsers; one query."""
    rows = alive(now).filter(person__in=list(people)).order_by().values("person")
    return {row["person"]: row["n"] for row in rows.annotate(n=Count("pk"))}


def _browser(row: BrowserSession, here: str) -> Browser:
    assert row.signed_in_at is not None  # noqa: S101 - of what is alive
    longest = limits.longest_of_deciders() if getattr(row, "decides", False) else limits.longest()
    return Browser(
        row=row,
        device=devices.words_of(row.agent),
        ends_at=row.signed_in_at + longest,
        here=row.pk == here,
    )
