"""What is known well enough of doors whose time is over to go on without asking Azure.

That what stood until its end still stands is reason enough to have it shut: to ask first would cost
a second at the very moment at which all hurry, and a list that fails must not keep it open. Nothing
is called shut by it: that is for Azure to show.
"""

from collections.abc import Sequence

from django.conf import settings

from access.kinds import Door, DoorKey, Kind, Seen
from access.models import Gate


def known_unasked(gate: Gate, kind: Kind, doors: Sequence[Door]) -> dict[DoorKey, Seen]:
    """Of those that can be sent to be shut at once: as many as Azure takes beside what it may be at
    work on."""
    standing = [door for door in doors if _stood_until_now(door)]
    if not standing or not kind.closes_unseen:
        return {}
    busy = [door for door in doors if _may_be_under_way(door)]
    over = kind.carried_out(gate, [door for door in busy if door.sent_at])
    room = max(0, settings.ACCESS_CHUNK - sum(door.key not in over for door in busy))
    return {door.key: Seen(open=True) for door in standing[:room]}


def _may_be_under_way(door: Door) -> bool:
    if door.shut_at:
        return False
    return door.sent_at is not None or not door.shown


def _stood_until_now(door: Door) -> bool:
    """Nobody else wants it open, and it is not ours to ask for it a second time."""
    begun = door.sent_at or door.shut_at or door.in_vain or door.erred
    return door.until is None and door.ending and door.shown and not begun
