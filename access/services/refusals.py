"""Refusals are ledger lines too, written after the refused transaction was rolled back."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from access import ledger
from access.errors import NotAllowed, WrongState
from access.models import Person


@contextmanager
def one_transaction(event: str, *, by: Person, reference: str = "") -> Iterator[None]:
    """The outermost transaction of a service. A refusal leaves a line and nothing else."""
    try:
        with transaction.atomic(durable=True):
            yield
    except (NotAllowed, WrongState) as refusal:
        with transaction.atomic():
            ledger.record(
                f"{event}.refused",
                by=by,
                reference=reference,
                outcome="denied",
                data={"reason": str(refusal)},
            )
        raise
