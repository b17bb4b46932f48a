"""What is printed, and where: results on the standard output, everything else on the error."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bastion_access.errors import CliError, Wrong
from bastion_access.plain import plain, text

WIDE = 200  # columns, where no terminal says how many there are
GOOD, BAD, SOON, DIM = "green", "red", "yellow", "dim"
STYLES = {
    "open": GOOD,
    "approved": GOOD,
    "pending": SOON,
    "scheduled": SOON,
    "opening": SOON,
    "closing": SOON,
    "denied": BAD,
    "lapsed": DIM,
    "withdrawn": DIM,
    "closed": DIM,
}


@dataclass
class Output:
    as_json: bool = False
    quiet: bool = False
    no_color: bool = False
    out: Console = field(init=False)
    err: Console = field(init=False)

    def __post_init__(self) -> None:
        self.out, self.err = (
            _console(sys.stdout, self.no_color),
            _console(sys.stderr, self.no_color),
        )

    @property
    def asks(self) -> bool:
        """Whether a person sits there who can answer."""
        return not self.as_json and sys.stdin.isatty() and sys.stderr.isatty()

    def result(self, value: Any) -> None:
        """The only thing that ``--json`` prints. ASCII, so no terminal finds anything to obey."""
        print(json.dumps(value, indent=2), file=sys.stdout)

    def show(self, *lines: Text | Table) -> None:
        for line in lines:
            self.out.print(line)

    def say(self, words: str, style: str = "") -> None:
        """For people, beside the result."""
        if not self.quiet:
            self.err.print(text(words, style))

    def say_line(self, words: str, style: str = "") -> None:
        """Never broken: an address or a command."""
        if not self.quiet:
            self.err.print(text(words, style), soft_wrap=True)

    def fail(self, error: CliError) -> None:
        if self.as_json:
            print(json.dumps(error.as_json()), file=sys.stderr)
            return
        self.err.print(text(error, BAD))
        for name, problems in error.fields.items():
            for problem in problems:
                self.err.print(Text.assemble("  ", (plain(name), "bold"), ": ", text(problem)))

    def line(self, words: Text) -> None:
        """A result on one line, never broken: it may be copied."""
        self.out.print(words, soft_wrap=True)

    def ask(self, question: str) -> str:
        """What a person types. The question is not part of the result."""
        self.err.print(text(question, "bold"), end=" ")
        try:
            return input().strip()
        except EOFError:
            raise Wrong("Nobody answered.") from None

    def confirm(self, question: str) -> bool:
        """Only a plain yes counts."""
        return self.ask(f"{question} [y/N]").lower() in {"y", "yes"}

    def heading(self, words: str) -> None:
        self.show(Text(plain(words), style="bold"))


def state(value: object, words: str = "") -> Text:
    return Text(plain(words or value), style=STYLES.get(str(value), ""))


def table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> Table:
    """Without lines, so that it can be copied. The first column is never cut."""
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for number, name in enumerate(columns):
        made.add_column(name, no_wrap=number == 0, overflow="fold")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else text(cell) for cell in row))
    return made


def facts(pairs: Iterable[tuple[str, str | Text]]) -> Table:
    """Names and values; what has no value is left out."""
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(style=DIM, no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs:
        if value:
            made.add_row(Text(name), value if isinstance(value, Text) else text(value))
    return made


def _console(stream: Any, no_color: bool) -> Console:  # noqa: FBT001 # as rich has it
    return Console(
        file=stream,
        no_color=True if no_color else None,  # ``None``: as NO_COLOR says
        markup=False,
        emoji=False,
        highlight=False,
        width=None if stream.isatty() or "COLUMNS" in os.environ else WIDE,
    )
