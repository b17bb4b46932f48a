"""One event, one line: a message with a line break in it cannot forge a second event."""

import logging
import time


class OneLine(logging.Formatter):
    """``2026-01-31T12:00:00Z WARNING access.tasks text``, control characters escaped."""

    converter = staticmethod(time.gmtime)
    default_format = "%(asctime)sZ %(levelname)s %(name)s %(message)s"

    def __init__(self) -> None:
        super().__init__(self.default_format, "%Y-%m-%dT%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
