"""The ledger's lines of one request: read once, for all parts of its page."""

from collections.abc import Container
from dataclasses import dataclass

from django.db.models import BooleanField, ExpressionWrapper, Q

from access.models import AccessRequest, LedgerEntry

MOST = 200


@dataclass(frozen=True)
class Lines:
    """The latest, oldest first. ``whole``: there are no others."""

    latest: list[LedgerEntry]
    whole: bool

    def rule_out(self, events: Container[str]) -> bool:
        """That any of these happened: who knows need not ask for what came of it."""
        return self.whole and not any(line.event in events for line in self.latest)


def lines_of(access_request: AccessRequest) -> Lines:
    """Where there are too many, those of somebody outside are left out: who merely has a vendor's
    address can cause them, and would hide who approved."""
    lines = LedgerEntry.objects.filter(reference=access_request.reference)
    outside = ExpressionWrapper(Q(actor_kind="vendor"), BooleanField())
    found = list(lines.order_by(outside, "-seq")[: MOST + 1])
    return Lines(sorted(found[:MOST], key=lambda line: line.seq), whole=len(found) <= MOST)
