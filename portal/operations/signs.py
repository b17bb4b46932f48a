"""What the page says of each part, in words and with a status tag. Pure: asks nobody."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from access.delivery.closing import NOTIFIER
from access.gatekeeping import CLOSER, LOOKER
from access.presenters.moments import near, span
from access.presenters.statuses import Status
from portal.budget import Forecast, Left
from portal.operations.state import CHECKPOINT, SECOND_CLOSER, State

WORKS = Status("green", "circle-check", "Closing is working")
LATE = Status("red", "triangle-alert", "Access is open past its end")
SILENT = Status("red", "triangle-alert", "Closing is not looked after")
BEHIND = Status("amber", "hourglass", "Closing has work left")
RESTORED = Status("red", "triangle-alert", "The database went back in time")
SEEN = Status("green", "circle-check", "Seen")
MISSING = Status("red", "triangle-alert", "Not seen")
NEVER = Status("grey", "info", "Not in use")
NOTHING_YET = Status("grey", "info", "Nothing to do yet")
FINE = Status("green", "circle-check", "Fine")
OLD = Status("amber", "triangle-alert", "Old")
PAUSED = Status("amber", "pause", "Paused")
SCARCE = Status("amber", "hourglass", "Nearly spent")

BUSY_BACKLOG = timedelta(seconds=30)  # what is closed within that is how it always is
OUTBOX_OLD = timedelta(minutes=10)
CHECKPOINT_OLD = timedelta(minutes=10)
READING_OLD = timedelta(minutes=45)  # three in vain
CLOCK_OFF = timedelta(seconds=2)
LITTLE = 0.1  # of a budget
PARTS = (
    (CLOSER, "Closer", "finds what has to end, about every second"),
    (LOOKER, "Looks at Azure", "come to their end; needed while anything is overdue"),
    (SECOND_CLOSER, "Second closer", "closes what the first did not, on its own"),
    (NOTIFIER, "Notifier", "sends mail and posts, and watches the closer"),
)
IDLE = {LOOKER}  # rests while nothing is due


@dataclass(frozen=True)
class Verdict:
    status: Status
    sentence: str


@dataclass(frozen=True)
class Sign:
    """``at``: when it was last so; ``None`` where it never was."""

    name: str
    status: Status
    what: str
    at: datetime | None = None


@dataclass(frozen=True)
class BudgetLine:
    row: Left
    status: Status
    words: str

    @property
    def left(self) -> int:
        return max(0, int(self.row.tokens))


def verdict(now: State, overdue: int, forecast: Forecast) -> Verdict:
    """``overdue``: as many as are shown. The worst first, in one sentence."""
    backlog = forecast.backlog
    if not now.closer_seen:
        return Verdict(SILENT, "Nothing new is opened until it is back. What is due may stay open.")
    if now.restoration is not None:
        return Verdict(RESTORED, "Nothing new is opened until an administrator has reconciled it.")
    if overdue:
        so = "One is" if overdue == 1 else f"{overdue} are"
        said = f"{so} open for more than a minute past the end. {_finish(forecast, now)}"
        return Verdict(LATE, said)
    if backlog and forecast.done_at and forecast.done_at - now.now > BUSY_BACKLOG:
        return Verdict(BEHIND, f"{backlog} to be closed, none overdue. {_finish(forecast, now)}")
    if backlog:
        return Verdict(WORKS, f"{backlog} being closed now.")
    return Verdict(WORKS, "Nothing is overdue, and nothing waits to be closed.")


def _finish(forecast: Forecast, now: State) -> str:
    if forecast.done_at is None:
        return f"It waits for {forecast.waits_for}." if forecast.waits_for else ""
    waits = f", waiting for {forecast.waits_for}" if forecast.waits_for else ""
    return f"Done by about {near(forecast.done_at, now.now)}{waits}."


def parts(now: State) -> list[Sign]:
    return [Sign(name, _seen(key, now), what, now.seen.get(key)) for key, name, what in PARTS]


def _seen(key: str, now: State) -> Status:
    age = now.age(key)
    if age is None:
        return MISSING if key == CLOSER else NOTHING_YET if key in IDLE else NEVER
    if age <= timedelta(seconds=settings.ACCESS_CLOSER_SILENCE_SECONDS):
        return SEEN
    return FINE if key in IDLE and now.closer_seen else MISSING


def beside(now: State, offset: timedelta) -> list[Sign]:
    """What closing does not hang on, and people do."""
    outbox = now.now - now.queued_since if now.queued_since else timedelta(0)
    return [
        Sign(
            "Notices to send",
            OLD if outbox > OUTBOX_OLD else FINE,
            f"{now.queued} wait, the oldest for {span(outbox)}" if now.queued else "none waits",
        ),
        _checkpoint(now),
        Sign("Estate read", _fresh(now.estate_at, now), "of Azure, as a whole", now.estate_at),
        Sign("Directory read", _fresh(now.directory_at, now), "people and roles", now.directory_at),
        Sign(
            "Clock of this process", OLD if abs(offset) > CLOCK_OFF else FINE, clock_words(offset)
        ),
        Sign("Ledger", FINE, f"{now.head_seq} lines"),
    ]


def clock_words(offset: timedelta) -> str:
    """The database's clock decides; this one only shows."""
    ms = round(offset.total_seconds() * 1000)
    return f"{abs(ms)} ms {'ahead of' if ms >= 0 else 'behind'} the database's, which alone decides"


def _checkpoint(now: State) -> Sign:
    age, at = now.age(CHECKPOINT), now.seen.get(CHECKPOINT)
    status = NEVER if age is None else OLD if age > CHECKPOINT_OLD else FINE
    return Sign("Ledger kept outside", status, "its last line, where no restore reaches it", at)


def _fresh(at: datetime | None, now: State) -> Status:
    return NEVER if at is None else OLD if now.now - at > READING_OLD else FINE


def budget_line(row: Left, now: datetime) -> BudgetLine:
    if row.shut_until is not None and row.shut_until > now:
        return BudgetLine(row, PAUSED, f"Azure asked to wait until {near(row.shut_until, now)}")
    little = row.tokens < LITTLE * row.bucket
    return BudgetLine(row, SCARCE if little else FINE, "")
