"""Tables to take away: CSV that no spreadsheet takes for a formula."""

import csv
import re
from collections.abc import Iterable, Sequence
from typing import Protocol

FORMULA = tuple("=+-@\t\r\n\0＝＋－＠")  # noqa: RUF001 - some read the wide forms as the plain
# Where ; is what separates cells, and for some a tab, another cell begins within ours.
WITHIN = re.compile(r"([;\t\r\n]\s*)(?=[=+\-@＝＋－＠])")  # noqa: RUF001 - as above
CONTENT_TYPE = "text/csv; charset=utf-8"


class Text(Protocol):
    def write(self, text: str, /) -> object: ...


def write_csv(rows: Iterable[Sequence[object]], to: Text) -> int:
    """Every cell is quoted. Returns how many rows were written."""
    writer, count = csv.writer(to, quoting=csv.QUOTE_ALL), 0
    for count, row in enumerate(rows, start=1):  # noqa: B007 - how many there were
        writer.writerow([harmless(cell) for cell in row])
    return count


def harmless(cell: object) -> str:
    """``None`` is an empty cell."""
    text = WITHIN.sub(r"\1'", "" if cell is None else str(cell))
    return f"'{text}" if text.startswith(FORMULA) else text
