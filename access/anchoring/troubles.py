"""What is wrong with the outside memory: a line of the ledger and a notice, once for each."""

import hashlib
import logging
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction

from access import ledger
from access.clock import db_now
from access.models import LedgerEntry
from access.notices.telling import tell_overseers

logger = logging.getLogger(__name__)
EVENT = "anchor.refused"
AGAIN = timedelta(hours=1)  # until the same is told again


@dataclass(frozen=True)
class Trouble:
    """``what`` is for people."""

    what: str
    subject: str = ""  # the gate's key
    kind: str = ""


def tell(trouble: Trouble, *, by: str = "worker") -> None:
    """In a transaction of its own, or in the caller's."""
    logger.error("outside memory: %s %s", trouble.what, trouble.subject)
    with transaction.atomic():
        now = db_now()
        lately = LedgerEntry.objects.filter(event=EVENT, at__gt=now - AGAIN)
        if lately.filter(subject=trouble.subject, data__reason=trouble.what).exists():
            return
        key = hashlib.sha256(f"{trouble}{now:%Y%m%d%H}".encode()).hexdigest()[:32]
        where = trouble.subject.rsplit("/", 1)[-1]
        data = {"why": trouble.what, "name": where}
        tell_overseers(EVENT, key=f"anchor-{key}", data=data, by=by)
        ledger.record(
            EVENT,
            by=by,
            subject=trouble.subject,
            outcome="failed",
            data={"reason": trouble.what, "kind": trouble.kind},
        )
