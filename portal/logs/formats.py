"""One event, one line: a message with a line break in it cannot forge a second event."""

import logging
import time
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from portal.logs.redaction import redact
from portal.logs.trail import current

LONGEST = 16_384  # characters of one text; who writes more has told enough
# Nothing else that a record carries is written. The first are of requests, the others of calls.
FIELDS = (
    "method",
    "route",
    "status",
    "ms",
    "call",
    "client_request_id",
    "correlation_id",
    "problem",
)


class OneLine(logging.Formatter):
    """``2026-01-31T12:00:00Z WARNING access.tasks text``, control characters escaped."""

    converter = staticmethod(time.gmtime)
    default_format = "%(asctime)sZ %(levelname)s %(name)s %(message)s"

    def __init__(self) -> None:
        super().__init__(self.default_format, "%Y-%m-%dT%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        belongs_to = "".join(f" {name}={value}" for name, value in current(record).items())
        text = _told(super().format(record)) + belongs_to
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class OneObject(JsonFormatter):
    """A JSON object in one line of ASCII, which leaves no control character and no trick of
    direction as it is. Only named fields: what a library hangs on a record (Celery: a task's
    arguments; Django: the request) stays where it is."""

    def __init__(self) -> None:
        super().__init__(["message"])

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        moment = datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds")
        log_data |= {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": _told(record.getMessage()),
            **{name: _told(value) for name, value in current(record).items()},
            **{name: vars(record)[name] for name in FIELDS if name in vars(record)},
        }
        for ours, theirs in (("exception", "exc_info"), ("stack", "stack_info")):
            if message_dict.get(theirs):
                log_data[ours] = _told(str(message_dict[theirs]))


FORMATS: dict[str, type[logging.Formatter]] = {"line": OneLine, "json": OneObject}


def _told(text: str) -> str:
    """Without secrets first, short after that: half a secret would not be recognised."""
    text = redact(text)
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}… ({len(text) - LONGEST} more characters)"
