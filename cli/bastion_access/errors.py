"""What goes wrong, in words for people, and the exit status that says so to scripts."""

from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    OK = 0
    REFUSED = 1  # the portal refused it, or could not be asked
    USAGE = 2
    NOT_SIGNED_IN = 3
    TIMED_OUT = 4
    DENIED = 5
    OVER = 6  # closed, withdrawn or lapsed: it will not open
    NO_CLIENT = 7  # ``az`` is not installed
    INTERRUPTED = 130  # what shells give Ctrl-C


class CliError(Exception):
    """Ends the command. ``fields``: what is wrong with which part of what was sent."""

    exit = Exit.REFUSED
    kind = "refused"

    def __init__(
        self, text: str, *, fields: dict[str, list[str]] | None = None, status: int | None = None
    ) -> None:
        super().__init__(text)
        self.fields = fields or {}
        self.status = status

    def as_json(self) -> dict[str, Any]:
        """The shape that ``--json`` promises on the standard error."""
        return {
            "error": {
                "kind": self.kind,
                "status": self.status,
                "detail": str(self),
                "errors": self.fields,
            }
        }


class Refused(CliError):
    """The portal said no. ``kind`` is the last word of the problem's type."""

    def __init__(self, kind: str, text: str, **more: Any) -> None:
        super().__init__(text, **more)
        self.kind = kind


class Unreachable(CliError):
    kind = "unreachable"


class Wrong(CliError):
    """What was typed cannot be meant."""

    exit = Exit.USAGE
    kind = "usage"


class NotSignedIn(CliError):
    exit = Exit.NOT_SIGNED_IN
    kind = "not-signed-in"


class TimedOut(CliError):
    exit = Exit.TIMED_OUT
    kind = "timed-out"


class Denied(CliError):
    exit = Exit.DENIED
    kind = "denied"


class Over(CliError):
    exit = Exit.OVER
    kind = "over"


class NoClient(CliError):
    exit = Exit.NO_CLIENT
    kind = "no-client"
