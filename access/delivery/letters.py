"""Letters that are not notices: written by whoever knows their reader, in the reader's language."""

import logging
from importlib import import_module
from typing import Protocol, cast

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction

from access.delivery.outcome import Needless, Never, NotThis, Outcome
from access.models import Notice

logger = logging.getLogger(__name__)


class Writer(Protocol):
    """A module that ``settings.NOTICES_LETTERS`` names."""

    def letter_for(self, notice: Notice, /) -> EmailMultiAlternatives | Never:
        """Called once an attempt: it may make what only the letter holds, such as a code."""
        ...

    def undelivered(self, notice: Notice, problem: str, /) -> None:
        """Its reader does not get it. May be called again for the same one; inside the transaction
        that writes the failure down."""
        ...


def writer_for(event: str) -> Writer | None:
    """By the part of the event before its dot."""
    path = settings.NOTICES_LETTERS.get(event.partition(".")[0])
    return cast("Writer", import_module(path)) if path else None


def is_letter(event: str) -> bool:
    return event.partition(".")[0] in settings.NOTICES_LETTERS


def tell_of_failure(notice: Notice, outcome: Outcome, *, given_up: bool) -> None:
    """A letter's reader has no account, and cannot see what was not sent to them. That it could
    not be told to others either must not undo what was written down."""
    writer = writer_for(notice.event)
    if writer is None or not (given_up or _is_failure(outcome)):
        return
    try:
        with transaction.atomic():
            writer.undelivered(notice, getattr(outcome, "problem", ""))
    except Exception:
        logger.exception("nobody was told that letter %s was not sent", notice.pk)


def _is_failure(outcome: Outcome) -> bool:
    """Of which the next attempt promises nothing. What merely waits is no failure yet."""
    if isinstance(outcome, NotThis):
        return outcome.lasting
    return isinstance(outcome, Never) and not isinstance(outcome, Needless)
