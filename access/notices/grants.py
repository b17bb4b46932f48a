"""What becomes of grants, told in the transaction that writes it down."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import prefetch_related_objects

from access.models import EndedHow, Finding, Grant
from access.notices.gathering import together
from access.notices.telling import tell, tell_overseers

EVENTS = frozenset({"grant.opened", "grant.closed"})


def tell_of_grants(told: Iterable[tuple[str, Grant]]) -> None:
    """What happened at once to several machines of one request is one notice. Grants that only
    serve another are not told of."""
    groups: dict[tuple[str, int], list[Grant]] = {}
    told = list(told)
    beside = [grant.access_request for _, grant in told if grant.kind != grant.access_request.kind]
    prefetch_related_objects(beside, "grants")
    for event, grant in told:
        if not only_serves(grant):
            groups.setdefault((_named(event, grant), grant.access_request_id), []).append(grant)
    with together(grants[0].access_request for grants in groups.values()):
        for (event, _), grants in groups.items():
            _tell(event, grants)


def tell_of_finding(finding: Finding) -> None:
    door = {"machine": finding.name, "kind": finding.gate.kind, "port": finding.port or ""}
    data = {"doors": [door], "left_by": finding.left_by}
    tell_overseers("drift.found", key=f"finding-{finding.pk}", data=data)


def only_serves(grant: Grant) -> bool:
    """A window beside the link that was asked for, on the same machine."""
    asked = grant.access_request
    if grant.kind == asked.kind:
        return False
    beside = [each for each in asked.grants.all() if each.machine_id == grant.machine_id]
    return any(each.kind == asked.kind for each in beside)


def doors_of(grants: Sequence[Grant]) -> list[dict[str, Any]]:
    return [
        {
            "machine": grant.machine.name,
            "kind": grant.kind,
            "port": grant.port,
            "production": grant.machine.is_production,
        }
        for grant in grants
    ]


def _tell(event: str, grants: Sequence[Grant]) -> None:
    first, asked = grants[0], grants[0].access_request
    order = getattr(first, "end_order", None)
    ended = order if order is not None and order.how == EndedHow.BY_OWNER else None
    data: Mapping[str, Any] = {
        "doors": doors_of(grants),
        "starts_at": first.starts_at,
        "until": first.ends_at,
        "why": first.close_reason,
    }
    key = f"{asked.reference} {' '.join(str(grant.pk) for grant in grants)}"
    by = ended.by if ended is not None else None
    tell(event, key=key, to=[asked.requester], about=asked, data=data, by=by)


def _named(event: str, grant: Grant) -> str:
    if event != "grant.closed" or grant.opened_at is not None:
        return event
    return "grant.ended_unopened" if hasattr(grant, "end_order") else "grant.could_not_open"
