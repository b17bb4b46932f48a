"""Endpoints and notices as pages show them: how far each got, and why it stands where it does."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from access.delivery.facts import name_of
from access.delivery.letters import is_letter
from access.delivery.mail import is_configured
from access.delivery.message import Message, message_of
from access.models import Channel, Endpoint, Family, Notice, NoticeState, Person, Route
from access.presenters.statuses import Status

STATES = {
    NoticeState.QUEUED: Status("blue", "clock", "Waiting"),
    NoticeState.SENT: Status("green", "circle-check", "Sent"),
    NoticeState.GIVEN_UP: Status("red", "triangle-alert", "Given up"),
    NoticeState.NOT_SENT: Status("grey", "ban", "Not sent"),
}
RETRYING = Status("amber", "rotate-ccw", "Trying again")
OFF = Status("grey", "ban", "Switched off")
WORKS = Status("green", "circle-check", "Works")
FAILS = Status("amber", "triangle-alert", "Does not answer")
UNTRIED = Status("grey", "clock", "Not tried yet")


@dataclass(frozen=True)
class EndpointLine:
    endpoint: Endpoint
    route: Route | None

    @property
    def status(self) -> Status:
        if not self.endpoint.active:
            return OFF
        if self.route is None or self.route.tried_at is None:
            return UNTRIED
        return FAILS if self.route.problem else WORKS

    @property
    def families(self) -> str:
        """``everything``, or the labels with commas between."""
        mine = [family.label for family in Family if family.value in self.endpoint.families]
        return "Everything" if len(mine) == len(Family) else "; ".join(mine)

    @property
    def shown(self) -> str:
        """Enough to know it by, too little to write there."""
        return f"{self.endpoint.host}/…"


@dataclass(frozen=True)
class NoticeLine:
    notice: Notice
    message: Message
    to: str
    may_retry: bool

    @property
    def status(self) -> Status:
        if self.notice.state == NoticeState.QUEUED and self.notice.problem:
            return RETRYING
        return STATES[NoticeState(self.notice.state)]

    @property
    def waits_for_digest(self) -> datetime | None:
        waits = self.notice.state == NoticeState.QUEUED and self.notice.digest
        return self.notice.not_before if waits else None


def endpoint_lines(endpoints: Iterable[Endpoint]) -> list[EndpointLine]:
    rows = list(endpoints)
    routes = {route.name: route for route in Route.objects.filter(name__in=[e.route for e in rows])}
    return [EndpointLine(each, routes.get(each.route)) for each in rows]


def line_for(notice: Notice, viewer: Person, *, may_retry: bool) -> NoticeLine:
    """Its words are as the recipient has them, its times as the viewer reads them."""
    able = notice.channel != Channel.MAIL or is_configured()
    retry = may_retry and able and notice.state != NoticeState.SENT
    return NoticeLine(notice, message_of(notice, viewer.tz), recipient_of(notice), retry)


def recipient_of(notice: Notice) -> str:
    if notice.person is not None:
        return name_of(notice.person.display_name)
    if notice.endpoint is not None:
        return notice.endpoint.name
    return f"{notice.contact} ({'vendor' if is_letter(notice.event) else 'security contact'})"
