"""The pipeline's part of the budget: each call is paid for before it is signed and sent."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import HTTPPolicy
from django.conf import settings

from access import errands
from portal.azure.roles import Identity
from portal.budget.left import share_as_last_seen
from portal.budget.rates import reserve_of
from portal.budget.spending import PATIENCE, NoToken, Ticket, pay, stand_back
from portal.budget.stores import Key

KINDS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}  # else writes, as ARM counts
THROTTLED = 429
BRIEF = 0.3  # seconds
COUNTER = "x-ms-ratelimit-remaining"


class OutOfBudgetError(AzureError):
    """Azure would refuse it, so it was not sent. ``after``: seconds until it is worth a try."""

    def __init__(self, after: float) -> None:
        super().__init__(f"no call may be sent for {after:.1f} s")
        self.after = after


class Budgeted(HTTPPolicy[Any, Any]):
    """In front of everything that sends: what is not paid for is not even signed in for."""

    def __init__(self, identity: Identity, principal: str) -> None:
        super().__init__()
        self.identity, self.principal = identity, principal

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        ticket = self._pay(request)
        try:
            response = self.next.send(request)
        except BaseException:
            ticket.lost()
            raise
        _learn(ticket, response.http_response)
        return response

    def _pay(self, request: PipelineRequest[Any]) -> Ticket:
        asked = request.http_request
        key = Key(
            _subscription(urlsplit(asked.url).path),
            self.principal,
            KINDS.get(asked.method, "writes"),
        )
        errand = errands.current()
        closes = is_for_closing(self.identity) and not errand.probing
        floor = 0.0 if closes or not self._is_shared() else reserve_of(key.calls)
        if errand.opening and self.identity is Identity.READER:
            floor /= 2  # before all that is looked at for its own sake
        try:
            if self.identity is Identity.OPENER:
                closer = settings.AZURE_CLOSER_CLIENT_ID
                stand_back(replace(key, principal=closer, calls="writes"))
            # Who waits for something to be opened comes again soon, and goes before the others.
            keeps = errand.keeps and (closes or not errand.opening)
            ticket = pay(key, first=closes, floor=floor, patience=self._patience(), keeps=keeps)
        except NoToken as refused:
            raise OutOfBudgetError(refused.after) from None
        errand.begun = True
        return ticket

    def _patience(self) -> float:
        """A look that has not begun can be put off, and whoever would have made it can send what
        is to be shut elsewhere meanwhile. So can a probe, at any time."""
        errand = errands.current()
        if errand.probing:
            return 0.0
        return PATIENCE if self.identity is not Identity.READER or errand.begun else BRIEF

    def _is_shared(self) -> bool:
        """Whether closing spends from the same buckets: as the reader it always does."""
        return self.principal in {settings.AZURE_CLOSER_CLIENT_ID, settings.AZURE_READER_CLIENT_ID}


def share_left(subscription: str, principal: str, calls: str) -> float:
    """Of the calls that Azure takes at once: 1 when nothing was sent lately, 0 when all wait."""
    return share_as_last_seen(Key(subscription.lower(), principal, calls))


def is_for_closing(identity: Identity) -> bool:
    """Whoever closes does nothing else; the opener never does, on whatever errand."""
    if identity in {Identity.OPENER, Identity.KEEPER}:
        return False
    return identity is not Identity.READER or errands.current().closing


def _learn(ticket: Ticket, answer: Any) -> None:
    remaining = _remaining(ticket.key, answer.headers)
    if answer.status_code != THROTTLED:
        ticket.answered(remaining)
    elif remaining:  # the bucket is not empty: something behind it is busy, and rests alone
        ticket.answered()
    else:
        ticket.throttled(_seconds(answer.headers))


def _remaining(key: Key, headers: Any) -> float | None:
    """Azure does not say it in each answer, nor always under this name."""
    scope = "subscription" if key.subscription else "tenant"
    return _number(headers.get(f"{COUNTER}-{scope}-{key.calls}"))


def _seconds(headers: Any) -> float | None:
    return _number(headers.get("Retry-After"))


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _subscription(path: str) -> str:
    """Lower-case; empty for what is asked of the tenant."""
    words = path.lower().split("/")
    return words[2] if len(words) > 2 and words[1] == "subscriptions" else ""  # noqa: PLR2004
