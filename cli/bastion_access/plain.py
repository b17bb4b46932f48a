"""Words that others wrote, made safe for a terminal.

Names, reasons and comments come from people and from Azure. A terminal obeys escape sequences, and
shows right-to-left marks by putting the text after them in another order; here they are seen.
"""

import unicodedata

from rich.text import Text

LONGEST = 4000
LATIN = 0xFF  # the last that two digits can write
# Controls, formatting marks, halves of characters, private and unassigned ones, odd line ends.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
JOINERS = "\u200c\u200d"  # part of how some languages are written; they move nothing


def plain(value: object) -> str:
    """On one line, with everything that is no visible character written as its number."""
    text = str(value)
    cut = text[:LONGEST]
    return "".join(map(_seen, cut)) + ("…" if len(text) > LONGEST else "")


def paragraph(value: object) -> str:
    """Like ``plain``, but lines stay lines."""
    lines = str(value)[: LONGEST + 1].replace("\r\n", "\n").split("\n")
    return "\n".join(plain(line) for line in lines)


def text(value: object, style: str = "") -> Text:
    """For rich, which finds no markup in it."""
    return Text(paragraph(value), style=style)


def _seen(character: str) -> str:
    if unicodedata.category(character) not in UNSEEN or character in JOINERS:
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number <= LATIN else f"\\u{number:04x}"
