"""Putting notices into the outbox. The only writer of new ones."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import connection

from access.models import (
    AccessRequest,
    Channel,
    Digest,
    Endpoint,
    Family,
    Notice,
    NoticePreference,
    Person,
)
from access.models.notices import MAIL_ROUTE
from access.models.requests import REFERENCE_PREFIX
from access.notices.gathering import (
    active_endpoints,
    active_people,
    doors_of,
    moment,
    write,
)
from access.notices.wording import Words
from access.notices.words import DIGESTED, named, words_for
from access.policy.table import Act, people_with

LONGEST_KEY = 200
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)  # may hold a secret


class NoTransaction(RuntimeError):
    """A notice was attempted outside the transaction of what it tells of."""


@dataclass
class Occasion:
    event: str
    key: str
    about: AccessRequest | None
    data: Mapping[str, Any]
    by: Person | str | None

    @property
    def words(self) -> Words:
        return words_for(self.event)

    @property
    def reference(self) -> str:
        return self.about.reference if self.about else str(self.data.get("reference", ""))

    @cached_property
    def subject(self) -> AccessRequest | None:
        """The request, also where only its reference was at hand."""
        number = self.reference.removeprefix(REFERENCE_PREFIX)
        if self.about is not None or not number.isdecimal():
            return self.about
        return AccessRequest.objects.filter(pk=int(number)).select_related("requester").first()


def tell(
    event: str,
    *,
    key: str,
    to: Iterable[Person] = (),
    about: AccessRequest | None = None,
    data: Mapping[str, Any] | None = None,
    by: Person | str | None = None,
) -> None:
    """Queue one notice to each person, and one to each endpoint that wants such events.

    Called inside the transaction of the change; sent after it has been committed. ``key`` names
    the occasion: the same key twice is told once to each recipient. ``data`` is plain and holds no
    secrets. ``by`` did it, and is not told. Losing a notice never changes access.
    """
    _queue(Occasion(named(event, about), key, about, data or {}, by), to)


def tell_overseers(
    event: str,
    *,
    key: str,
    data: Mapping[str, Any] | None = None,
    about: AccessRequest | None = None,
    by: Person | str | None = None,
    to: Iterable[Person] = (),
) -> None:
    """Like ``tell``, to every administrator, to ``to``, each person once, and to the security
    contact of the settings, whom no administrator can take off the list."""
    admins = [*people_with(Act.HEAR_OF_TROUBLE), *to]
    _queue(Occasion(event, key, about, data or {}, by), admins, settings.NOTICES_SECURITY_CONTACT)


def tell_outsider(
    event: str, *, key: str, to: str, about: AccessRequest, data: Mapping[str, Any] | None = None
) -> None:
    """One mail to somebody without an account, and to nobody else. ``data`` alone is kept: nothing
    of the request that they need not know. Who writes it is said in ``NOTICES_LETTERS``."""
    frame = _frame(Occasion(event, key, None, {"reference": about.reference}, None))
    write([_to_contact({**frame, "data": _plain(data or {})}, to)])


def tell_endpoint(event: str, *, key: str, to: Endpoint, by: Person) -> None:
    """One endpoint alone, whatever it wants otherwise."""
    what = Occasion(event, key, None, {}, by)
    write([_to_endpoint(_base(what), to)])


def _queue(what: Occasion, to: Iterable[Person], contacts: Iterable[str] = ()) -> None:
    base = _base(what)
    rows = [
        *(_to_person(base, person) for person in _told(what, to)),
        *(_to_contact(base, mail) for mail in contacts),
        *(_to_endpoint(base, endpoint) for endpoint in _wanting(what.words)),
    ]
    write(rows)


def _base(what: Occasion) -> dict[str, Any]:
    """What all notices of an occasion have in common."""
    told = _plain({**facts_of(what.subject), **_who(what.by), **what.data})
    return {**_frame(what), "data": told}


def _frame(what: Occasion) -> dict[str, Any]:
    if not connection.in_atomic_block:
        raise NoTransaction(f"{what.event}: told of only inside the transaction of the change")
    now = moment()
    return {
        "event": what.event,
        "key": what.key[:LONGEST_KEY],
        "reference": what.reference,
        "created_at": now,
        "not_before": now,
    }


def facts_of(about: AccessRequest | None) -> dict[str, Any]:
    """What is told of a request, as it is now: a notice says what was so when it was written."""
    if about is None:
        return {}
    doors = doors_of(about)
    asked_for = {door.machine_id for door in doors if door.kind == about.kind}
    return {
        "requester": about.requester.display_name,
        "doors": [
            {
                "machine": door.machine.name,
                "kind": door.kind,
                "port": door.port,
                "asked_for": door.kind == about.kind or door.machine_id not in asked_for,
                "production": door.production,
            }
            for door in doors
        ],
        "starts_at": about.asked_start,
        "minutes": about.approved_minutes or about.duration_minutes,
        "reason": about.reason,
        "ticket": about.ticket,
        "vendor": ", ".join(filter(None, (about.vendor_name, about.vendor_company))),
        "lapses_at": about.lapses_at,
        "extends": f"{REFERENCE_PREFIX}{about.extends_id:06d}" if about.extends_id else "",
    }


def _told(what: Occasion, to: Iterable[Person]) -> list[Person]:
    """Active people, each once and as they are now, but for who did it and who muted it."""
    wanted = {person.pk for person in to}
    if isinstance(what.by, Person):
        wanted.discard(what.by.pk)
    if what.words.own and what.subject is not None:
        wanted.discard(what.subject.requester_id)
    if not wanted:
        return []
    people = active_people(wanted)
    return [person for person in people if not _muted(person, what.words)]


def _muted(person: Person, words: Words) -> bool:
    mine = preference_of(person)
    return words.family != Family.SECURITY and words.family.value in mine.muted


def preference_of(person: Person) -> NoticePreference:
    """Theirs, or what holds for who never set any."""
    found: NoticePreference | None = getattr(person, "notice_preference", None)
    return found or NoticePreference(person=person)


def _to_person(base: dict[str, Any], person: Person) -> Notice:
    mine, now = preference_of(person), base["created_at"]
    later = mine.digest != Digest.OFF and base["event"] in DIGESTED
    return Notice(
        **{**base, "not_before": next_digest(mine, person, now) if later else now},
        recipient=f"person-{person.pk}",
        person=person,
        channel=Channel.MAIL,
        route=MAIL_ROUTE,
        digest=later,
    )


def _to_contact(base: dict[str, Any], mail: str) -> Notice:
    return Notice(
        **base,
        recipient=f"contact-{mail}",
        contact=mail,
        channel=Channel.MAIL,
        route=MAIL_ROUTE,
    )


def _to_endpoint(base: dict[str, Any], endpoint: Endpoint) -> Notice:
    return Notice(
        **base,
        recipient=endpoint.route,
        endpoint=endpoint,
        channel=endpoint.kind,
        route=endpoint.route,
    )


def _wanting(words: Words) -> list[Endpoint]:
    active = active_endpoints()
    return [endpoint for endpoint in active if words.family.value in endpoint.families]


def next_digest(mine: NoticePreference, person: Person, now: datetime) -> datetime:
    """The next full hour, or the next time that the person's clocks show the hour they chose."""
    if mine.digest == Digest.HOURLY:
        return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    local = now.astimezone(person.tz)
    due = local.replace(hour=mine.digest_hour, minute=0, second=0, microsecond=0, fold=0)
    if due.astimezone(UTC) <= now:
        due = (due + timedelta(days=1)).replace(fold=0)
    return due.astimezone(UTC)


def _who(by: Person | str | None) -> dict[str, str]:
    if by is None:
        return {}
    return {"by": by.display_name if isinstance(by, Person) else by}


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """What JSON can hold. An address may be a way in, so none leaves by a notice."""
    plain: dict[str, Any] = json.loads(json.dumps(data, default=_text))
    return {name: _without_addresses(value) for name, value in plain.items()}


def _without_addresses(value: Any) -> Any:
    if isinstance(value, str):
        return ADDRESS.sub("[address left out]", value)
    if isinstance(value, list):
        return [_without_addresses(each) for each in value]
    if isinstance(value, dict):
        return {name: _without_addresses(each) for name, each in value.items()}
    return value


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value)
