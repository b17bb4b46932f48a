"""A program without a browser that is given a personal token, as in RFC 8628.

It shows a short code; a person signed in here types it, sees who asks for what, and allows or
refuses. Only then does the program, which alone knows the long code, get a token. No token exists
before it is fetched, so nothing is kept that would open anything.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import transaction
from django.db.models import Q
from django.utils.crypto import salted_hmac

from access import ledger, policy
from access.clock import db_now
from access.errors import AccessError, Invalid, NotAllowed, WrongState
from access.models import DeviceSignIn, Person, Scope
from access.notices import tell
from access.origin import network_of
from access.services import tokens
from access.services.refusals import one_transaction
from access.services.submission import clean_text

LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, so no words; nothing that looks like another
CODE_LENGTH = 8
LASTS = timedelta(minutes=10)
TOKEN_LASTS = timedelta(hours=12)
INTERVAL = 3  # seconds between two questions of a program …
SLACK = 0.5  # … which a network may bring closer together
CLIENT_LIMIT = 120
MOST_WAITING = 2000  # so that guessing a code stays hopeless
FORGET_AFTER = timedelta(days=1)
TRIES, TRIES_LAST = 10, 600  # wrong codes of one person, within seconds
TRIES_OF_NETWORK = 100  # colleagues share an address, and do not lock each other out
USUAL_SCOPES = (Scope.READ.value, Scope.REQUEST.value)


@dataclass(frozen=True)
class Asked:
    """What the program is told once."""

    device_code: str = field(repr=False)
    user_code: str = field(repr=False)  # WDJB-MJHT


class DeviceNotYet(AccessError):
    """There is no token for the program. ``code`` is one of RFC 8628's, with hyphens."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class TooManyTries(AccessError):
    """More wrong codes than people type (HTTP 429)."""


EXPIRED = ("expired-token", "This sign-in is over. Start anew.")


def ask(client: str, scopes: Iterable[str], *, address: str) -> Asked:
    """For whoever asks: nothing is given before a person allows it. Raises ``Invalid``, or
    ``WrongState`` while too many wait."""
    client, wanted = clean_text(client), tokens.in_order(scopes)
    if not client or len(client) > CLIENT_LIMIT:
        raise Invalid({"client": f"Name the program, in at most {CLIENT_LIMIT} characters."})
    if not wanted or not set(wanted) <= set(Scope.values):
        raise Invalid({"scopes": "Choose from " + ", ".join(Scope.values) + "."})
    now = db_now()
    asked = Asked(secrets.token_urlsafe(32), _new_code())
    with transaction.atomic(durable=True):
        DeviceSignIn.objects.filter(expires_at__lt=now - FORGET_AFTER).delete()
        waiting = DeviceSignIn.objects.filter(expires_at__gt=now, decided_at__isnull=True)
        if waiting.count() >= MOST_WAITING:
            raise WrongState("Too many programs wait to be signed in. Try again in some minutes.")
        DeviceSignIn.objects.create(
            device_digest=tokens.digest_of(asked.device_code),
            user_digest=_keyed(asked.user_code),
            client=client,
            asked_from=address[:45],
            scopes=wanted,
            created_at=now,
            expires_at=now + LASTS,
        )
    return asked


def find(typed: str, *, by: Person, address: str) -> DeviceSignIn | None:
    """What waits under the code that a person typed; ``None`` where nothing does. Raises
    ``TooManyTries`` when it looks like guessing."""
    policy.check_may_make_token(by)
    most = {f"device-tries-{by.pk}": TRIES}
    if network := network_of(address):
        most[f"device-tries-{network}"] = TRIES_OF_NETWORK
    if any(int(cache.get(key, 0)) >= tries for key, tries in most.items()):
        raise TooManyTries("That were too many wrong codes. Try again in ten minutes.")
    waiting = Q(decided_at__isnull=True, expires_at__gt=db_now())
    found = DeviceSignIn.objects.filter(waiting, user_digest=_keyed(plain_code(typed))).first()
    if found is None:
        for key in most:
            cache.add(key, 0, TRIES_LAST)
            cache.incr(key)
    return found


def allow(sign_in: DeviceSignIn, *, by: Person) -> None:
    """The program may fetch a token in this person's name. Raises ``NotAllowed`` or
    ``WrongState``."""
    _decide(sign_in, by, allowed=True)


def refuse(sign_in: DeviceSignIn, *, by: Person) -> None:
    """It gets nothing, now and later. Raises as ``allow`` does."""
    _decide(sign_in, by, allowed=False)


def take_back(person: Person) -> None:
    """What this person allowed and no program has fetched yet gives nothing any more."""
    mine = DeviceSignIn.objects.filter(person=person, allowed=True, fetched_at__isnull=True)
    mine.update(allowed=False)


def fetch(device_code: str) -> tokens.MadeToken:
    """The token, once. Raises ``DeviceNotYet`` for as long as there is none, and for good when it
    was refused, fetched or ran out; or ``Invalid`` when the person has too many tokens."""
    with transaction.atomic(durable=True):
        sign_in = _locked(device_code)
        now = db_now()
        problem = _why_none(sign_in, now)
        if sign_in is not None and problem is None:
            return _hand_over(sign_in, now)
        if sign_in is not None:
            sign_in.polled_at = now
            sign_in.save(update_fields=["polled_at"])
    raise DeviceNotYet(*(problem or EXPIRED))


def plain_code(typed: str) -> str:
    """However it was typed, as it is shown: ``WDJB-MJHT``."""
    letters = "".join(c for c in typed[:64].upper() if c in LETTERS)
    return f"{letters[:4]}-{letters[4:]}"


def _decide(sign_in: DeviceSignIn, by: Person, *, allowed: bool) -> None:
    event = "device.allow" if allowed else "device.refuse"
    with one_transaction(event, by=by):
        policy.check_may_make_token(by)
        locked = DeviceSignIn.objects.select_for_update().get(pk=sign_in.pk)
        now = db_now()
        if locked.decided_at is not None or locked.expires_at <= now:
            raise WrongState("This sign-in is over: it was answered already, or ran out.")
        locked.decided_at, locked.person, locked.allowed = now, by, allowed
        locked.save(update_fields=["decided_at", "person", "allowed"])
        data = {"client": locked.client, "from": locked.asked_from, "scopes": locked.scopes}
        ledger.record("device.allowed" if allowed else "device.refused", by=by, data=data)


def _locked(device_code: str) -> DeviceSignIn | None:
    rows = DeviceSignIn.objects.select_for_update(of=("self",))
    return rows.filter(device_digest=tokens.digest_of(device_code)).first()


def _why_none(sign_in: DeviceSignIn | None, now: datetime) -> tuple[str, str] | None:
    if sign_in is None or sign_in.expires_at <= now or sign_in.fetched_at is not None:
        return EXPIRED
    if sign_in.allowed is False:
        return ("access-denied", "The person refused.")
    pause = timedelta(seconds=INTERVAL - SLACK)
    if sign_in.polled_at is not None and sign_in.polled_at > now - pause:
        return ("slow-down", f"Ask no more often than every {INTERVAL} seconds.")
    if sign_in.allowed is None:
        return ("authorization-pending", "The person has not answered yet.")
    return None


def _hand_over(sign_in: DeviceSignIn, now: datetime) -> tokens.MadeToken:
    person = Person.objects.signed_in(sign_in.person_id or 0)
    if person is None:
        raise NotAllowed("The account that allowed this is disabled.")
    wish = tokens.TokenWish(sign_in.client, sign_in.scopes, days=1)
    made = tokens.write(person, wish, now=now, lasts=TOKEN_LASTS, by_device=True)
    sign_in.token, sign_in.fetched_at, sign_in.polled_at = made.token, now, now
    sign_in.save(update_fields=["token", "fetched_at", "polled_at"])
    told = {"name": made.token.name, "token": made.token.prefix}
    tell("token.by_device", key=f"token-{made.token.pk}-device", to=[person], data=told)
    return made


def _new_code() -> str:
    return plain_code("".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH)))


def _keyed(code: str) -> str:
    """Short codes would be found by trying all of them; without the key nobody can."""
    return salted_hmac("access.device", code, algorithm="sha256").hexdigest()
