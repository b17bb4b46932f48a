"""Sessions of browsers in the database, under the digest of their cookie.

Django's database sessions, but for four things. The key in the database is the SHA-256 of the one
in the cookie. A row names the person, and when, how and from where they signed in. A session ends
by its own columns: without activity, by its age, or because somebody ended it. And no save, late
or concurrent, brings back a session that was ended.

Never kept here: a password or an access token. What must be kept of Entra's is sealed first.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from asgiref.sync import sync_to_async
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from access.models import Person, PersonRole
from access.policy.table import DECIDERS
from portal.models import BrowserSession
from portal.signin import limits

HOW = "how"  # the session's own word for how the person signed in: demo, entra
A_MINUTE = timedelta(minutes=1)
LONGEST_AGENT = 200
DECIDES = Exists(PersonRole.objects.filter(person=OuterRef("person"), role__in=DECIDERS))


class Client(NamedTuple):
    """Where a browser is, as far as is known, and what it says of itself."""

    address: str = ""
    agent: str = ""


def client_of(address: str, agent: str) -> Client:
    """What can be kept of it: headers may hold anything."""
    return Client(address, "".join(c for c in agent if c.isprintable())[:LONGEST_AGENT])


def digest(key: str) -> str:
    """Of 32 random characters: nothing that could be guessed back, so no salt and no stretching."""
    return hashlib.sha256(key.encode()).hexdigest()


class SessionStore(DatabaseSessions):
    """See ``portal.models.BrowserSession``."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self.row: BrowserSession | None = None  # as read, or as last written
        self.ending: limits.Ending | None = None  # why the session of the cookie is over
        self.client = Client()  # the middleware knows

    @classmethod
    def get_model_class(cls) -> type[BrowserSession]:
        return BrowserSession

    def _get_session_from_db(self) -> BrowserSession | None:
        """One query, the person's roles of now included."""
        rows = BrowserSession.objects.annotate(decides=DECIDES)
        row = rows.filter(pk=digest(self.session_key or "")).first()
        now = timezone.now()
        self.ending = limits.ending_of(row, now, decides=row.decides) if row else None
        if row is None or self.ending or row.expire_date <= now:
            self._session_key = None
            return None
        self.row = row
        return row

    def exists(self, session_key: str) -> bool:
        return BrowserSession.objects.filter(pk=digest(session_key)).exists()

    def create_model_instance(self, data: dict[str, Any]) -> BrowserSession:
        """Who signs in begins anew; a new key or new data of the same person keeps the moments."""
        now = timezone.now()
        person = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        row = BrowserSession(
            session_key=digest(self._key()),
            session_data=self.encode(data),
            expire_date=now + limits.idle(),
            person_id=person,
            how=str(data.get(HOW, "")),
        )
        if person is not None:
            self._fill(row, now)
        return row

    def _fill(self, row: BrowserSession, now: datetime) -> None:
        last = self.row if self.row and self.row.person_id == row.person_id else None
        row.signed_in_at = (last and last.signed_in_at) or now
        row.seen_at = (last and last.seen_at) or now
        row.address = last.address if last else self.client.address
        row.agent = last.agent if last else self.client.agent
        row.expire_date = row.signed_in_at + limits.longest()

    def _key(self) -> str:
        key: str = self._get_or_create_session_key()  # type: ignore[attr-defined]
        return key

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002 - Django's
        """Raises ``UpdateError`` when the session was ended or deleted meanwhile."""
        if self.session_key is None:
            return self.create()
        data = self._get_session(no_load=must_create)  # type: ignore[attr-defined]
        row = self.create_model_instance(data)
        if must_create:
            self._insert(row)
        else:
            self._update(row)
        self.row = row
        return None

    def _insert(self, row: BrowserSession) -> None:
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError:
            if self.exists(self.session_key or ""):
                raise CreateError from None  # another key will do
            raise

    def _update(self, row: BrowserSession) -> None:
        """Never what another request may have learned meanwhile: that the person is there."""
        fields = {
            "session_data": row.session_data,
            "expire_date": row.expire_date,
            "person": row.person_id,
            "how": row.how,
        }
        if self.row is None or self.row.person_id != row.person_id:
            began = ("signed_in_at", "seen_at", "address", "agent")
            fields |= {name: getattr(row, name) for name in began}
        if not _alive(row).update(**fields):
            raise UpdateError

    def saw(self) -> None:
        """The person did something. Written once a minute at most, never to an ended session."""
        self.get("")  # so that it is read
        row, now = self.row, timezone.now()
        if row is None or row.seen_at is None or now < row.seen_at + A_MINUTE:
            return
        address, agent = self.client.address, self.client.agent
        # Of two requests at once, one writes.
        stale = _alive(row).filter(seen_at=row.seen_at)
        stale.update(seen_at=now, address=address, agent=agent)
        row.seen_at, row.address, row.agent = now, address, agent

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            BrowserSession.objects.filter(pk=digest(key)).delete()

    def cycle_key(self) -> None:
        """Not out of a session that somebody is ending at this moment (``SessionInterrupted``)."""
        self.get("")  # so that it is read
        with transaction.atomic():
            old = self.row
            if old is not None and old.person_id is not None:
                hold(old.person_id)
            if old is not None and _alive(old).select_for_update().first() is None:
                raise SessionInterrupted("The session was ended meanwhile.")
            super().cycle_key()

    async def acycle_key(self) -> None:
        await sync_to_async(self.cycle_key)()

    def flush(self) -> None:
        super().flush()
        self.row = None

    async def aflush(self) -> None:
        await sync_to_async(self.flush)()

    @classmethod
    def clear_expired(cls) -> None:
        BrowserSession.objects.filter(expire_date__lt=timezone.now()).delete()

    # Django's database sessions have asynchronous twins of their own, which know of no digest.
    aload = SessionBase.aload
    aexists = SessionBase.aexists
    acreate = SessionBase.acreate
    asave = SessionBase.asave
    adelete = SessionBase.adelete
    aclear_expired = SessionBase.aclear_expired


def hold(person_id: int) -> None:
    """Until the transaction ends, none of the person's sessions gets a new key: else one that gets
    one after the other is always another row than the one that somebody is ending. Taken before
    rows of sessions, as by whoever writes down roles."""
    list(Person.objects.select_for_update(no_key=True).filter(pk=person_id).values_list("pk"))


def _alive(row: BrowserSession) -> Any:
    return BrowserSession.objects.filter(pk=row.pk, ended_at__isnull=True)
