"""Waiting for people to decide, and for Azure to open."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from bastion_access.desk import Desk
from bastion_access.errors import Denied, Over, TimedOut
from bastion_access.finding import grants_of, request_of
from bastion_access.plain import plain
from bastion_access.portal import Json
from bastion_access.times import clock, moment

QUICK, SLOW = 2.0, 10.0  # seconds between two questions: at first, and after ``PATIENT``
PATIENT = 120.0
ENDS = {"withdrawn": "was withdrawn", "lapsed": "was not answered in time"}


@dataclass(frozen=True)
class Standing:
    """How it stands with a request. ``word``: pending, scheduled, opening, open, closing, closed,
    or the request's own end."""

    asked: Json
    grants: list[Json]
    word: str

    def as_json(self) -> Json:
        return {"state": self.word, "request": self.asked, "grants": self.grants}


def standing(desk: Desk, reference: str) -> Standing:
    asked = request_of(desk.portal, reference)
    if asked["state"] != "approved":
        return Standing(asked, [], str(asked["state"]))
    grants = grants_of(desk.portal, asked)
    return Standing(asked, grants, word_of(grants))


def wait_until_open(desk: Desk, reference: str, *, seconds: float | None = None) -> Standing:
    """Until all that will open is open. Raises ``Denied``, ``Over`` or ``TimedOut``."""
    began, told = time.monotonic(), ""
    while True:
        found = standing(desk, reference)
        if found.word == "open":
            return found
        _stop_if_over(found)
        words = words_of(found)
        if words != told:
            desk.output.say(f"{reference} {words} …")
            told = words
        waited = time.monotonic() - began
        pause = QUICK if waited < PATIENT else SLOW
        if seconds is not None and waited + pause > seconds:
            raise TimedOut(f"{reference} {words} still. Go on: bastion-access wait {reference}")
        time.sleep(pause)


def words_of(found: Standing) -> str:
    """``waits for approval``; goes after the reference."""
    match found.word:
        case "pending":
            return _waits(found.asked)
        case "scheduled":
            return _begins(found)
        case "opening":
            return "is being opened"
        case "closing":
            return "is being closed"
        case "lapsed":
            return "lapsed: nobody answered in time"
        case word:
            return f"is {plain(word)}"


def _waits(asked: Json) -> str:
    if asked["blocked"]:
        return "is blocked: nobody can approve it now"
    left = asked["stages"][asked["stage"] :] or asked["stages"]
    names = ", then ".join(plain(stage["name"]) for stage in left)
    return f"waits for approval ({names})" if names else "waits for approval"


def _begins(found: Standing) -> str:
    if found.asked["hold"]:
        return f"is held until it is approved anew: {plain(found.asked['hold'])}"
    begins = _first(found.grants, "starts_at")
    if begins is None or begins <= datetime.now(UTC):
        return "is approved and about to open"
    return f"is approved and begins {clock(begins.isoformat())}"


def word_of(grants: list[Json]) -> str:
    """Of all together: what is still on its way counts before what is open."""
    states = {str(grant["state"]) for grant in grants}
    if not states:
        return "scheduled"
    return next(
        word for word in ("scheduled", "opening", "open", "closing", "closed") if word in states
    )


def _stop_if_over(found: Standing) -> None:
    reference = found.asked["reference"]
    if found.word == "denied":
        comment = found.asked.get("comment")
        raise Denied(f"{reference} was denied." + (f" “{comment}”" if comment else ""))
    if found.word in ENDS:
        raise Over(f"{reference} {ENDS[found.word]}.")
    if found.word in ("closing", "closed"):
        reasons = {str(grant["close_reason"]) for grant in found.grants if grant["close_reason"]}
        raise Over(" ".join([f"{reference} is {found.word}.", *sorted(reasons)]))


def _first(grants: list[Json], name: str) -> datetime | None:
    moments = [found for grant in grants if (found := moment(grant[name])) is not None]
    return min(moments, default=None)
