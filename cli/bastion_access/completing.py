"""What a shell offers when Tab is pressed: machines and references, from the API.

Asked at most every half minute, and never for long; whatever goes wrong, nothing is offered.
"""

import re
import time

from bastion_access import keeping
from bastion_access.desk import Desk
from bastion_access.errors import CliError
from bastion_access.output import Output
from bastion_access.plain import plain
from bastion_access.portal import Portal

FRESH = 30  # seconds
PATIENCE = 4.0  # seconds, for each question
MOST = 200
# What a shell takes for a word and for nothing else: a name from Azure is typed into it.
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# What stands beside it is read by a shell, too: zsh evaluates it twice, between double quotes.
NO_WORDS = re.compile(r"[^\w .,_-]")
LONGEST = 80
Offered = list[tuple[str, str]]


def machines_like(incomplete: str) -> Offered:
    return _like(incomplete, _known()["machines"])


def references_like(incomplete: str) -> Offered:
    return _like(incomplete, _known()["references"])


def targets_like(incomplete: str) -> Offered:
    """What can be connected to: by reference or by machine."""
    known = _known()
    return _like(incomplete, [*known["references"], *known["machines"]])


def _like(incomplete: str, words: list[list[str]]) -> Offered:
    begun = incomplete.lower()
    return [
        (word, NO_WORDS.sub("", plain(about))[:LONGEST])
        for word, about in words
        if word.lower().startswith(begun) and WORD.fullmatch(word)
    ]


def _known() -> dict[str, list[list[str]]]:
    nothing: dict[str, list[list[str]]] = {"machines": [], "references": []}
    try:
        desk = Desk(output=Output(quiet=True))
        where = keeping.cache_of(desk.address)
        kept = keeping.read(where)
        if kept is not None and 0 <= time.time() - float(kept["at"]) < FRESH:
            return {name: list(kept[name]) for name in nothing}
        found = _ask(Portal(desk.address, desk.portal.token, seconds=PATIENCE, tries=1))
        keeping.write(where, {"at": time.time(), **found})
    except (CliError, OSError, ValueError, KeyError, TypeError):
        return nothing
    return found


def _ask(portal: Portal) -> dict[str, list[list[str]]]:
    machines = portal.get("machines/", page_size=MOST)["results"]
    requests = portal.get("requests/", page_size=50)["results"]
    return {
        "machines": [[str(row["name"]), str(row["environment"] or "")] for row in machines],
        "references": [
            [str(row["reference"]), f"{row['state']}, {row['doors'][0]['machine']}"]
            for row in requests
            if row["doors"]
        ],
    }
