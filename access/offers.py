"""What can be asked for on a machine, and which doors one request needs."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Q, QuerySet

from access.kinds import Offer, all_kinds, kind_named
from access.models import AccessRequest, Grant, Machine, RequestedDoor
from access.states import LIVE, RequestState


@dataclass(frozen=True)
class Overlap:
    """Somebody else's time at an exclusive door."""

    reference: str
    until: datetime
    pending: bool


def with_offers(rows: QuerySet[Machine]) -> QuerySet[Machine]:
    """With all that the kinds look at loaded, however many there are."""
    return rows.select_related("bastion__link_host", "outside").prefetch_related("jit_ports")


def offers_for(machine: Machine) -> list[Offer]:
    """Every kind's answer for this machine, refusals included, from the database alone."""
    found = [offer for kind in all_kinds().values() for offer in kind.offers(machine)]
    if machine.gone_at is None:
        return found
    why = "is gone from Azure" if machine.in_azure else "was retired"
    return [replace(offer, refusal=f"{machine.name} {why}.") for offer in found]


def caveats_of(doors: Iterable[RequestedDoor]) -> list[str]:
    """What whoever asks and decides must know, each once. Needs machine__bastion loaded."""
    kinds = all_kinds()
    found = [kinds[d.kind].caveat(d.machine, d.port) for d in doors if d.kind in kinds]
    return [text for text in dict.fromkeys(found) if text]


def find_offer(machine: Machine, *, kind: str, port: int) -> Offer | None:
    return next((o for o in offers_for(machine) if o.kind == kind and o.port == port), None)


def doors_needed(machine: Machine, wanted: Offer) -> list[Offer]:
    """The offer itself, and the window without which a link would lead to a shut port."""
    needed = [wanted]
    if not kind_named(wanted.kind).needs_open_port:
        return needed
    for offer in offers_for(machine):
        opens = kind_named(offer.kind).opens_port
        if opens and offer.port == wanted.port and offer.gate_id and not offer.refusal:
            needed.append(offer)
    return needed


def doors_at(machine: Machine, *, kind: str, port: int) -> list[tuple[str, int]]:
    """(kind, port) of every door that asking for this one needs; none where it is not offered."""
    offer = find_offer(machine, kind=kind, port=port)
    return [(each.kind, each.port) for each in doors_needed(machine, offer)] if offer else []


def overlap(
    machine: Machine, *, kind: str, port: int, start: datetime, end: datetime, now: datetime
) -> Overlap | None:
    """The last of the grants and pending requests that hold this exclusive door in that time.

    A pending request for "now" counts as if it were approved now; approving checks again.
    """
    waiting = _pending(machine, kind, port, now)
    found = [*_granted(machine, kind, port, start, end)]
    found += [other for first, other in waiting if first < end and other.until > start]
    return max(found, key=lambda other: other.until, default=None)


def granted_overlap(
    machine: Machine, *, kind: str, port: int, start: datetime, end: datetime
) -> Overlap | None:
    """Like ``overlap``, counting only what was already approved."""
    found = _granted(machine, kind, port, start, end)
    return max(found, key=lambda other: other.until, default=None)


def _granted(
    machine: Machine, kind: str, port: int, start: datetime, end: datetime
) -> list[Overlap]:
    live = Grant.objects.filter(
        Q(end_order__isnull=True),
        machine=machine, kind=kind, port=port, state__in=LIVE,
        starts_at__lt=end, ends_at__gt=start,
    ).select_related("access_request")  # fmt: skip
    return [Overlap(g.access_request.reference, g.ends_at, pending=False) for g in live]


def _pending(
    machine: Machine, kind: str, port: int, now: datetime
) -> list[tuple[datetime, Overlap]]:
    """(start, who) of the undecided requests for the door."""
    waiting = AccessRequest.objects.filter(
        state=RequestState.PENDING, lapses_at__gt=now,
        doors__machine=machine, doors__kind=kind, doors__port=port,
    )  # fmt: skip
    windows = [(other, *other.window_from(now)) for other in waiting]
    return [(first, Overlap(o.reference, last, pending=True)) for o, first, last in windows]
