"""The simulator's clock. It can be moved, and everything that takes time follows it.

Moments are kept as text of one length in UTC, so that they sort as they follow each other.
"""

from datetime import UTC, datetime, timedelta


class Clock:
    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset  # seconds ahead of this machine's clock
        self.stopped_at: datetime | None = None  # it moves by ``advance`` alone

    def now(self) -> datetime:
        return (self.stopped_at or datetime.now(UTC)) + timedelta(seconds=self.offset)

    def after(self, seconds: float) -> str:
        return stamp(self.now() + timedelta(seconds=seconds))

    def advance(self, seconds: float) -> None:
        self.offset += seconds

    def stop(self, at: datetime) -> None:
        """For a test that wants the same moments each time."""
        self.stopped_at = at


def stamp(moment: datetime) -> str:
    """As ARM writes moments: seven fractional digits."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def parse(text: str) -> datetime:
    """Reads up to seven fractional digits; without a zone it is UTC. Raises ``ValueError``."""
    if "T" not in text:
        raise ValueError(f"{text!r} is no moment")
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def seconds_between(earlier: str, later: str) -> float:
    return (parse(later) - parse(earlier)).total_seconds()
