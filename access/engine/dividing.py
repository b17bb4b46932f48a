"""Which doors Azure is asked to shut together, where it broke down on such an order before.

An order names up to fifty doors, and one that Azure cannot bear would keep all of them open for
ever. Whether it is one of them or the whole host, one door alone tells: where Azure takes that, the
rest follows at once, and an order on which it breaks down then is halved until the door is found.
That one is to blame: from then on it is asked for by itself, and its rests are its own. So is one
that nobody waits beside. Where Azure does not take the one of several, the gate rests, and another
door is tried the next time.
"""

import random
from collections.abc import Sequence
from datetime import UTC, datetime

from django.conf import settings
from django.db.models import Q

from access.clock import db_now
from access.engine.chunk import over
from access.engine.compare import DoorCase
from access.models import Gate, Grant
from access.states import GrantState

PROBED_FROM = 3  # orders in a row: from then on what is to be shut at other gates goes first
MOST_IN_A_ROW = 8  # of fifty doors one is found by six
BLAMED_FIRST = 3  # in so many turns once: what one of them tells would find the others
MOST_BLAMED = 3  # tried one after another, where Azure takes other orders
NEVER = datetime.min.replace(tzinfo=UTC)


def is_to_blame(case: DoorCase) -> bool:
    """Azure broke down on shutting it alone."""
    return any(grant.erred for grant in case.closing or case.wanting)


def explains(gate: Gate) -> bool:
    """Doors to blame are all that is known against the gate: others are not suspected."""
    return Grant.objects.filter(gate=gate, state=GrantState.CLOSING, erred__gt=0).exists()


def to_try(gate: Gate, now: datetime) -> frozenset[int]:
    """Grants by which to find out whether Azure shuts anything at this gate: the one whose time was
    over last, any other, and some of those to blame. To load and judge fifty costs as much as all
    the rest of the look."""
    rests = Q(not_before__gt=now)
    waiting = Grant.objects.filter(gate=gate, state=GrantState.CLOSING, sent_at__isnull=True)
    rows = list(waiting.exclude(rests).order_by("due_at", "pk").values_list("pk", "erred"))
    fresh, blamed = [pk for pk, erred in rows if not erred], [pk for pk, erred in rows if erred]
    others = random.sample(fresh[:-1], min(1, len(fresh[:-1])))
    return frozenset([*fresh[-1:], *others, *blamed[: int(settings.ACCESS_CHUNK)]])


def waits_alone(gate: Gate, case: DoorCase) -> bool:
    """No other door of the gate waits to be sent that is not to blame."""
    mine, now = [grant.pk for grant in case.grants], db_now()
    unsent = Q(state=GrantState.CLOSING, erred=0, sent_at__isnull=True, shut_at__isnull=True)
    waits = unsent | (Q(state=GrantState.OPEN) & over(now))
    rests = Q(not_before__gt=now)
    waiting = Grant.objects.filter(waits, gate=gate).exclude(rests).exclude(pk__in=mine)
    return not waiting.exists()


def divided(cases: Sequence[DoorCase], erred: int) -> list[Sequence[DoorCase]]:
    """Those that go together, in the order in which they go. ``erred``: orders of this gate, one
    after another, on which Azure broke down."""
    if not erred or len(cases) < 2:  # noqa: PLR2004
        return [cases] if cases else []
    first = _one_of(cases, erred)
    rest = [case for case in cases if case is not first]
    random.shuffle(rest)  # those that cannot be shut may stand together
    return [[first], rest]


def halves(cases: Sequence[DoorCase]) -> list[Sequence[DoorCase]]:
    middle = len(cases) // 2
    return [cases[:middle], cases[middle:]]


def _one_of(cases: Sequence[DoorCase], erred: int) -> DoorCase:
    """The one to be tried alone: in turns that whose time was over last, and any of the others. The
    former finds at once who only just joined one that cannot be shut; the latter, sooner or later,
    everybody."""
    newest = max(cases, key=lambda case: case.door.over_at or NEVER)
    if erred % 2:
        return newest
    return random.choice([case for case in cases if case is not newest])  # noqa: S311
