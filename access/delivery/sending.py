"""Who sends what on a route: mail to people, and posts to endpoints."""

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Protocol

from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend

from access import outbound
from access.clock import db_now
from access.delivery import mail, slack, teams, webhook
from access.delivery.calendars import CALENDAR, calendar_for
from access.delivery.letters import writer_for
from access.delivery.message import Message, message_of
from access.delivery.outcome import Never, NotNow, Outcome
from access.models import AccessRequest, EndpointKind, Notice
from access.models.notices import MAIL_ROUTE
from access.models.requests import REFERENCE_PREFIX
from access.notices.words import DIGESTED
from access.sealed import Unreadable, unseal
from access.states import RequestState

JSON = {"Content-Type": "application/json"}
SWITCHED_OFF = "The endpoint was switched off."
NOT_ACTIVE = "The person is no longer active."
HANDLED = "It was decided before the digest was due."


class Sender(Protocol):
    def send(self, notices: Sequence[Notice]) -> Outcome:
        """One attempt; several notices only as a digest of one person."""

    def close(self) -> None: ...


def sender_for(route: str) -> Sender:
    return MailSender() if route == MAIL_ROUTE else PostSender()


def zone_of(notice: Notice) -> tzinfo:
    """A channel has readers in many zones; it is told in UTC."""
    return notice.person.tz if notice.person else UTC


class MailSender:
    def __init__(self) -> None:
        self._connection: BaseEmailBackend | None = None

    def send(self, notices: Sequence[Notice]) -> Outcome:
        first = notices[0]
        if first.person is not None and not first.person.is_active:
            return Never(NOT_ACTIVE)
        to = first.person.mail if first.person else first.contact
        if not mail.is_configured():
            return Never(mail.NO_SERVER)
        if not mail.is_writable(to):
            return Never(mail.NO_ADDRESS)
        left = [notice for notice in notices if not notice.digest or _still_waits(notice)]
        if not left:
            return Never(HANDLED)
        letter = _letter(left, to)
        if isinstance(letter, Never):
            return letter
        self._connection = self._connection or mail.connection()
        return mail.send(letter, self._connection)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


class PostSender:
    def send(self, notices: Sequence[Notice]) -> Outcome:
        notice = notices[0]
        if notice.endpoint is None or not notice.endpoint.active:
            return Never(SWITCHED_OFF)
        message = message_of(notice, zone_of(notice))
        try:
            return self._post(notice, message)
        except Unreadable as problem:
            return NotNow(str(problem))
        except (outbound.Blocked, outbound.Unreached) as problem:
            return NotNow(str(problem))

    def close(self) -> None:
        """Each post has a connection of its own."""

    def _post(self, notice: Notice, message: Message) -> Outcome:
        endpoint = notice.endpoint
        assert endpoint is not None  # noqa: S101 - for the reader of types; asked above
        address = unseal(endpoint.address)
        if endpoint.kind == EndpointKind.TEAMS:
            return teams.judge(outbound.post(address, teams.body_of(message), JSON))
        if endpoint.kind == EndpointKind.SLACK:
            return slack.judge(outbound.post(address, slack.body_of(message), JSON))
        body = webhook.body_of(notice, message)
        secrets = [unseal(each) for each in (endpoint.secret, endpoint.old_secret) if each]
        headers = webhook.headers_of(notice, body, secrets, db_now())
        return webhook.judge(outbound.post(address, body, {**JSON, **headers}))


def _letter(notices: Sequence[Notice], to: str) -> EmailMultiAlternatives | Never:
    first = notices[0]
    if writer := writer_for(first.event):
        return writer.letter_for(first)
    zone = zone_of(first)
    messages = [message_of(notice, zone) for notice in notices]
    letter = mail.mail_of(notices, messages, to, zone)
    if calendar := calendar_for(first, db_now()):
        letter.attach(f"{first.reference}.ics", calendar, CALENDAR)
    return letter


def _still_waits(notice: Notice) -> bool:
    """Nobody wants to read in the evening what was decided at noon."""
    number = notice.reference.removeprefix(REFERENCE_PREFIX)
    if notice.event not in DIGESTED or not number.isdecimal():
        return True
    return AccessRequest.objects.filter(pk=int(number), state=RequestState.PENDING).exists()
