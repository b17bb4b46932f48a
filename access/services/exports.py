"""Taking whole lists away. What left, by which filter, is one ledger line with the file's digest.

A file is complete before any of it is sent: its digest is known then, and its line is written.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from tempfile import TemporaryFile
from typing import IO, Any

from django.db.models import QuerySet

from access import ledger
from access.errors import Invalid
from access.models import Person
from access.services.refusals import one_transaction
from access.tables import write_csv

MOST_ROWS = 100_000
IN_MEMORY = 1024 * 1024  # bytes; what is larger is written to a temporary file
CHUNK = 2000


@dataclass(frozen=True)
class Export:
    """``file`` stands at its beginning, and is gone when it is closed."""

    file: IO[bytes]
    rows: int
    sha256: str


class _Writing:
    """Text on its way into a file, in UTF-8: in memory for as long as it is short."""

    def __init__(self) -> None:
        self.file: IO[bytes] = BytesIO()
        self.digest = hashlib.sha256()

    def write(self, text: str, /) -> None:
        data = text.encode()
        self.digest.update(data)
        if isinstance(self.file, BytesIO) and self.file.tell() + len(data) > IN_MEMORY:
            short, self.file = self.file, TemporaryFile()  # noqa: SIM115 - closed by who sends it
            self.file.write(short.getbuffer())
        self.file.write(data)


def check_size(rows: QuerySet[Any]) -> None:
    """Raises ``Invalid``: a file that silently lacks rows would be worse than none."""
    if rows.order_by()[: MOST_ROWS + 1].count() > MOST_ROWS:
        raise Invalid({"filter": f"These are more than {MOST_ROWS:,} rows. Narrow the filter."})


def export(
    table: str,
    rows: Iterable[Sequence[object]],
    *,
    by: Person,
    chosen: Mapping[str, str],
) -> Export:
    """``rows``: the names of the columns first. ``chosen``: the filter, as it was given."""
    text = _Writing()
    try:
        count = write_csv(rows, text) - 1
        sha256 = text.digest.hexdigest()
        with one_transaction("export.make", by=by):
            told = {"table": table, "filter": dict(chosen), "rows": count, "sha256": sha256}
            ledger.record("export.made", by=by, data=told)
    except BaseException:
        text.file.close()
        raise
    text.file.seek(0)
    return Export(text.file, count, sha256)
