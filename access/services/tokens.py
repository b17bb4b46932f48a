"""Personal tokens: making one, taking it back, and recognising whose it is.

A secret leaves this module once, when it is made; nothing of it is kept but its SHA-256, which is
enough for 256 random bits. Never put one into a log, the ledger or a message.
"""

import hashlib
import re
import secrets
import string
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from access import ledger, policy
from access.clock import db_now
from access.counting import CACHE_AWAY
from access.errors import AccessError, Invalid, WrongState
from access.models import ApiToken, Person, Scope
from access.notices import tell
from access.services.refusals import one_transaction
from access.services.submission import clean_text

MARK = "bax"  # what secret scanners look for
FORM = re.compile(rf"({MARK}_[a-z0-9]{{8}})_[A-Za-z0-9_-]{{43}}")
DAYS = (1, 7, 30, 90)  # the longest last
MOST_TOKENS = 20  # that one person has at a time
NAME_LIMIT = 80
USED_EVERY = timedelta(minutes=1)  # no more often is it written down that a token is in use
SENT_ALREADY = (
    "This was sent already, and the token was shown then. If you did not copy it, revoke it in "
    "your settings and make another."
)
TOLD_EVERY = 60  # seconds between two ledger lines about one token that is refused


@dataclass(frozen=True)
class TokenWish:
    """``scopes``: values of ``Scope``. ``key`` makes it safe to send twice."""

    name: str
    scopes: Iterable[str]
    days: int
    key: uuid.UUID = field(default_factory=uuid.uuid4)


@dataclass(frozen=True)
class MadeToken:
    """``secret`` is to be shown once and then forgotten."""

    token: ApiToken
    secret: str = field(repr=False)


class TokenRefused(AccessError):
    """It signs nobody in (HTTP 401). The reason is fit for who holds the token."""


def make(wish: TokenWish, *, by: Person) -> MadeToken:
    """A token of one's own. Raises ``NotAllowed``, ``Invalid`` with a message for each field, or
    ``WrongState`` when the same wish made one already: nobody can show its secret again."""
    name, scopes = clean_text(wish.name), in_order(wish.scopes)
    if problems := _problems(name, scopes, wish.days):
        raise Invalid(problems)
    with one_transaction("token.make", by=by):
        policy.check_may_make_token(by)
        wish = replace(wish, name=name, scopes=scopes)
        made = write(by, wish, now=db_now(), lasts=timedelta(days=wish.days))
        told = {"name": name, "token": made.token.prefix}  # whoever took a session makes one, too
        tell("token.made", key=f"token-{made.token.pk}-made", to=[by], data=told)
    return made


def write(
    person: Person,
    wish: TokenWish,
    *,
    now: datetime,
    lasts: timedelta,
    by_device: bool = False,
) -> MadeToken:
    """The row and its ledger line, in the caller's transaction, for ``lasts`` from ``now`` on.
    Raises ``WrongState`` like ``make``, and ``Invalid`` when the person has too many already."""
    Person.objects.select_for_update(no_key=True).get(pk=person.pk)  # two at once are counted
    if ApiToken.objects.filter(person=person, submission_key=wish.key).exists():
        raise WrongState(SENT_ALREADY)
    if live(person, now).count() >= MOST_TOKENS:
        raise Invalid({"name": f"You have {MOST_TOKENS} tokens already. Revoke one first."})
    prefix = f"{MARK}_{_letters(8)}"
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    token = ApiToken.objects.create(
        person=person,
        name=wish.name[:NAME_LIMIT],
        prefix=prefix,
        digest=digest_of(secret),
        scopes=list(wish.scopes),
        submission_key=wish.key,
        by_device=by_device,
        created_at=now,
        expires_at=now + lasts,
    )
    ledger.record(
        "token.made",
        by=person,
        data={
            "token": prefix,
            "name": token.name,
            "scopes": token.scopes,
            "expires_at": token.expires_at,
            "how": "device" if by_device else "page",
        },
    )
    return MadeToken(token, secret)


def revoke(token: ApiToken, *, by: Person) -> ApiToken:
    """It signs nobody in from now on. Repeating it changes nothing. Raises ``NotAllowed``."""
    with one_transaction("token.revoke", by=by):
        locked = ApiToken.objects.select_for_update().select_related(None).get(pk=token.pk)
        policy.check_may_revoke_token(locked, by)
        if locked.revoked_at is not None:
            return locked
        owner = Person.objects.get(pk=locked.person_id)
        revoke_locked([locked], owner, by=by)
        told = {"token": locked.prefix, "name": locked.name}
        tell("token.revoked", key=f"token-{locked.pk}-revoked", to=[owner], data=told, by=by)
    return locked


def locked_live(person: Person) -> list[ApiToken]:
    """All that still sign the person in, in the caller's transaction. Rows before the ledger's
    head, as whoever revokes one takes them."""
    return list(live(person, db_now()).order_by("pk").select_for_update())


def revoke_locked(locked: Iterable[ApiToken], owner: Person, *, by: Person | str) -> None:
    """Each with its ledger line, in the caller's transaction; nobody is asked or told. ``by``: a
    person, or the name of a part of the system."""
    for token in locked:
        token.revoked_at, token.revoked_by = db_now(), by if isinstance(by, Person) else None
        token.save(update_fields=["revoked_at", "revoked_by"])
        known = {"token": token.prefix, "name": token.name, "owner": owner.identity}
        ledger.record("token.revoked", by=by, data=known)


def authenticate(secret: str, address: str) -> tuple[Person, ApiToken]:
    """Whose it is, with the roles held now. Raises ``TokenRefused``."""
    found = _recognised(secret)
    if found is None:
        raise TokenRefused("This token is not known here.")
    person, now = Person.objects.signed_in(found.person_id), timezone.now()
    reason = _why_not(found, person, now)
    if person is None or reason:
        _tell_ledger(found, reason)
        raise TokenRefused(reason)
    _was_used(found, now, address)
    return person, found


def live(person: Person, now: datetime) -> QuerySet[ApiToken]:
    """The newest first."""
    return _usable(now).filter(person=person).order_by("-created_at", "-pk")


def live_counts(people: Iterable[Person], now: datetime) -> dict[int, int]:
    """Id of a person to how many tokens sign them in; one query."""
    rows = _usable(now).filter(person__in=list(people))
    counted = rows.order_by().values("person").annotate(n=Count("pk"))
    return {row["person"]: row["n"] for row in counted}


def _usable(now: datetime) -> QuerySet[ApiToken]:
    return ApiToken.objects.filter(revoked_at__isnull=True, expires_at__gt=now)


def in_order(scopes: Iterable[str]) -> list[str]:
    """Each once, in the order of ``Scope``; what is none of them at the end."""
    wanted = set(scopes)
    known = [scope.value for scope in Scope if scope.value in wanted]
    return known + sorted(wanted.difference(known))


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def roles_are_stale(person: Person, now: datetime) -> bool:
    """The directory has not said for too long which roles the person holds. Where no directory is
    asked, never."""
    seconds = getattr(settings, "ACCESS_ROLES_STALE_SECONDS", None)
    if seconds is None:
        return False
    read_at = person.roles_read_at
    return read_at is None or read_at < now - timedelta(seconds=seconds)


def _problems(name: str, scopes: list[str], days: int) -> dict[str, str]:
    problems = {}
    if not name:
        problems["name"] = "Say what the token is for, such as “laptop”."
    elif len(name) > NAME_LIMIT:
        problems["name"] = f"Keep the name under {NAME_LIMIT} characters."
    if not scopes or not set(scopes) <= set(Scope.values):
        problems["scopes"] = "Choose what the token may do."
    if not 1 <= days <= DAYS[-1]:
        problems["days"] = f"Choose between 1 and {DAYS[-1]} days."
    return problems


def _recognised(secret: str) -> ApiToken | None:
    if not FORM.fullmatch(secret):
        return None
    return ApiToken.objects.filter(digest=digest_of(secret)).first()


def _why_not(token: ApiToken, person: Person | None, now: datetime) -> str:
    """Empty while it may be used."""
    if token.revoked_at is not None:
        return "This token was revoked."
    if token.expires_at <= now:
        return "This token has expired. Make a new one, or sign in again."
    if person is None:
        return "The account of this token is disabled."
    if roles_are_stale(person, now):
        return "The directory has not confirmed your roles for too long. Sign in on the pages."
    return ""


def _tell_ledger(token: ApiToken, reason: str) -> None:
    """Somebody holds what should no longer be of use; a program that repeats it is no news."""
    with suppress(*CACHE_AWAY):  # without the cache it is told each time
        if not cache.add(f"token-refused-{token.prefix}", reason, TOLD_EVERY):
            return
    with transaction.atomic():
        data = {"token": token.prefix, "reason": reason}
        owner = Person.objects.get(pk=token.person_id)
        ledger.record("token.refused", by=owner, outcome="denied", data=data)


def _was_used(token: ApiToken, now: datetime, address: str) -> None:
    before = now - USED_EVERY
    if token.last_used_at is None or token.last_used_at <= before:
        unknown = Q(last_used_at__isnull=True) | Q(last_used_at__lte=before)
        rows = ApiToken.objects.filter(unknown, pk=token.pk)  # of calls at the same instant, one
        rows.update(last_used_at=now, last_used_from=address[:45])


def _letters(count: int) -> str:
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(count))
