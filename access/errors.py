"""The core's words for what went wrong. Mapped to HTTP in one place, ``access.views.problems``.

``Later``, of which ``Erred`` is one, and ``Never`` are all that a kind may say about Azure.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Receipt = Mapping[str, Any]  # one call sent to Azure: operation, ids, status


class AccessError(Exception):
    """Something the person in front of the page should read. ``str()`` is fit to show."""


class WrongState(AccessError):
    """The thing has moved on since the person looked (HTTP 409)."""


class KeyReused(WrongState):
    """The key that makes a call safe to repeat came again, with something else to do."""


class NotAllowed(AccessError):
    """This person may not do this (HTTP 403)."""


class ConfirmFirst(NotAllowed):
    """They may, once they have shown anew that it is them. A page leads there; nothing is refused
    for good, so the ledger is not told."""


class Invalid(AccessError):
    """What was sent cannot be accepted (HTTP 400). ``fields`` maps a field to its message."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)


class Overreach(Invalid):
    """More than the person may give or take: a wrong field that auditors want to know of, too."""


class Later(Exception):
    """Azure cannot do it now. ``retry_after`` in seconds, ``None`` when Azure did not say.

    ``sent`` is false only when Azure certainly did nothing (a 429, a refused connection): then
    the call may be repeated at once. Otherwise the answer was lost and Azure may have acted.
    ``whole`` is false when only what was asked for stands in the way (a lock on one resource):
    other doors of the gate may then be tried. ``starved``: Azure was not even asked, for want of a
    token; who closes spends from another bucket, and need not wait for this one.
    """

    def __init__(
        self,
        reason: str,
        *,
        retry_after: float | None = None,
        sent: bool = True,
        whole: bool = True,
        starved: bool = False,
        receipts: Sequence[Receipt] = (),
    ) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.sent = sent
        self.whole = whole
        self.starved = starved
        self.receipts = list(receipts)


class Erred(Later):
    """Azure broke down on it, or never answered. Perhaps it is not well at all; perhaps it cannot
    bear one of the things that were named."""


class Never(Exception):
    """Azure refuses, and asking again will not help. The reason is fit for a person to read."""

    def __init__(self, reason: str, *, receipts: Sequence[Receipt] = ()) -> None:
        super().__init__(reason)
        self.receipts = list(receipts)
