"""What is asked for, as it comes from a form or a call, and the bounds of what may be written."""

import re
import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

REASON_LIMIT = 1000
MOST_MACHINES = 20
EARLIEST_SLACK = timedelta(minutes=5)  # a page left open for a moment is no mistake
FARTHEST = timedelta(days=30)
TICKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9#/_.-]{0,63}")


@dataclass(frozen=True)
class Submission:
    """``start`` is aware, or ``None`` for "now". ``others``: (machine id, port) of further
    machines that the same decision is for. ``details``: what the kind wants to be told besides."""

    submission_key: uuid.UUID
    machine_id: int
    kind: str
    port: int
    minutes: int
    reason: str
    start: datetime | None = None
    ticket: str = ""
    vendor_name: str = ""
    vendor_company: str = ""
    vendor_mail: str = ""
    others: tuple[tuple[int, int], ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ports(self) -> dict[int, int]:
        """Machine id to port, the first machine first. The same one twice is one."""
        return {self.machine_id: self.port, **dict(self.others)} | {self.machine_id: self.port}


def clean_text(text: str) -> str:
    """Without control characters and surrounding space; line breaks become plain ones."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = (c for c in plain if c == "\n" or unicodedata.category(c) not in {"Cc", "Cf", "Cs"})
    return "".join(kept).strip()
