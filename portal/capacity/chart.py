"""A chart as server-made SVG: paths without any style of their own, and the same as rows.

The drawing is stretched to the room there is, so it holds no text; labels stand beside it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from access.presenters import moments
from portal.capacity.hosts import AHEAD, HostLine, when
from portal.capacity.steps import Span, Step, buckets, most, steps_of
from portal.capacity.usage import GRANTS, SESSIONS

WIDTH, HEIGHT = 720, 200
LABELS = 5  # of the axis of time
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """How far a chart looks back, and how finely."""

    name: str  # as in the address
    label: str
    length: timedelta
    size: timedelta

    @property
    def ahead(self) -> timedelta:
        return min(self.length, AHEAD)


PERIODS = {
    each.name: each
    for each in (
        Period("24h", "24 hours", DAY, timedelta(minutes=15)),
        Period("7d", "7 days", 7 * DAY, timedelta(hours=1)),
        Period("30d", "30 days", 30 * DAY, timedelta(hours=4)),
    )
}


@dataclass(frozen=True)
class Row:
    """The most at once from ``start`` to ``end``; ``None`` where nobody can tell yet."""

    start: datetime
    end: datetime
    sessions: int | None
    grants: int


@dataclass(frozen=True)
class Chart:
    """Paths for a drawing of WIDTH by HEIGHT. ``levels``: labels of the upright axis, top first."""

    sessions: str
    grants: str
    expected: str
    now: float
    levels: tuple[int, ...]
    times: list[str]
    text: str
    rows: list[Row]
    width: int = WIDTH
    height: int = HEIGHT


def draw(
    line: HostLine, period: Period, now: datetime, spans: Mapping[str, Sequence[Span]]
) -> Chart:
    """The stretch that holds ``now`` shows both what was and what is still to come in it."""
    size = period.size
    start, here = _floor(now - period.length, size), _floor(now, size)
    behind, ahead = (here - start) // size, period.ahead // size
    seen = steps_of(spans[SESSIONS], now - period.length, now)
    held = steps_of(spans[GRANTS], now - period.length, now)
    columns = (
        buckets(seen, start, size, behind + 1),
        buckets(held, start, size, behind + 1),
        buckets(line.ahead, here, size, ahead),
    )
    top = _top(max(map(max, columns), default=0))
    scale = Scale(WIDTH / (behind + ahead), HEIGHT / top)
    return Chart(
        sessions=scale.path(columns[0], 0),
        grants=scale.path(columns[1], 0),
        expected=scale.path(columns[2], behind),
        now=round(scale.across * ((now - start) / size), 1),
        levels=(top, top // 2, 0),
        times=_times(start, here + size * ahead, period),
        text=_text(line, period, most(seen), most(held)),
        rows=_rows(start, size, columns),
    )


@dataclass(frozen=True)
class Scale:
    across: float
    up: float

    def path(self, values: Sequence[int], first: int) -> str:
        """A line of steps, one for each value, beginning at bucket ``first``."""
        words, place = list[str](), first
        for value, group in groupby(values):
            width = len(list(group))
            y = HEIGHT - value * self.up
            words.append(f"{'V' if words else f'M{place * self.across:.1f} '}{y:.1f}")
            place += width
            words.append(f"H{place * self.across:.1f}")
        return "".join(words)


def _floor(moment: datetime, size: timedelta) -> datetime:
    """So that stretches begin on the hour."""
    return moment - timedelta(seconds=moment.timestamp() % size.total_seconds())


def _top(highest: int) -> int:
    """An even number that leaves room above the highest value."""
    step = 2
    while step * 10 < highest:
        step *= 2
    return max(4, (highest // step + 1) * step)


def _times(start: datetime, end: datetime, period: Period) -> list[str]:
    gap = (end - start) / (LABELS - 1)
    each = [start + index * gap for index in range(LABELS)]
    if period.length > DAY:
        return [moments.day(moment).rpartition(" ")[0] for moment in each]
    return [moments.clock(moment).partition(" ")[0] for moment in each]


def _text(line: HostLine, period: Period, seen: Step, held: Step) -> str:
    """What the drawing shows, for those who do not see it."""
    said = [f"{line.host.name} over the last {period.label}:"]
    said.append(f"at most {_many(seen, 'session')} at once{_at(seen)},")
    said.append(f"at most {_many(held, 'grant')} at once{_at(held)};")
    coming = most([step for step in line.ahead if step.at < line.ahead[0].at + period.ahead])
    said.append(f"expected in the next {_words(period.ahead)}: at most {_many(coming, 'grant')}")
    return " ".join(said) + f"{_at(coming)}. The same is in the table below."


def _many(step: Step, what: str) -> str:
    return f"{step.count} {what}" if step.count == 1 else f"{step.count} {what}s"


def _at(step: Step) -> str:
    return f", {when(step.at)}" if step.count else ""


def _words(length: timedelta) -> str:
    return "24 hours" if length == DAY else f"{length.days} days"


def _rows(
    start: datetime, size: timedelta, columns: tuple[list[int], list[int], list[int]]
) -> list[Row]:
    """Stretches that are the same become one."""
    sessions, grants, expected = columns
    grants = [*grants[:-1], max(grants[-1], expected[0])]
    past: Iterable[tuple[int | None, int]] = zip(sessions, grants, strict=True)
    coming: Iterable[tuple[int | None, int]] = ((None, number) for number in expected[1:])
    rows, at = list[Row](), start
    for (seen, held), group in groupby([*past, *coming]):
        end = at + size * len(list(group))
        rows.append(Row(at, end, seen, held))
        at = end
    return rows
