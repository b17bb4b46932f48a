"""Refusals are ledger lines too, written after the refused transaction was rolled back."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from access import ledger
from access.errors import ConfirmFirst, NotAllowed, Overreach, WrongState
from access.models import Person


@contextmanager
def one_transaction(event: str, *, by: Person | str, reference: str = "") -> Iterator[None]:
    """The outermost transaction of a service. A refusal leaves a line and nothing else."""
    try:
        with transaction.atomic(durable=True):
            yield
    except ConfirmFirst:
        raise
    except (NotAllowed, WrongState, Overreach) as refusal:
        with transaction.atomic():
            ledger.record(
                f"{event}.refused",
                by=by,
                reference=reference,
                outcome="denied",
                data={"reason": str(refusal)},
            )
        raise
