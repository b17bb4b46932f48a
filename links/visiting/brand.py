"""What the vendor's pages wear: the name, the colour and the logo of whoever invites.

A setting that would make a page unreadable or unsafe is left out, and ``manage.py check`` says so.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage

COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
CONTRAST = 4.5  # of white text on it: WCAG 2.2, 1.4.3
LARGEST_LOGO = 64 * 1024
KINDS = {".svg": "image/svg+xml", ".png": "image/png"}
LINEAR_UNTIL = 0.03928


@dataclass(frozen=True)
class Logo:
    content: bytes
    kind: str


def colour() -> str:
    """``#rrggbb``, or empty where none is set that white text can be read on."""
    wanted: str = settings.VENDOR_COLOUR.strip()
    return wanted if COLOUR.fullmatch(wanted) and contrast(wanted) >= CONTRAST else ""


def contrast(of: str) -> float:
    """Of white on the colour, as WCAG reckons it."""
    red, green, blue = (_linear(int(of[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def style() -> str:
    return f":root {{ --bar: {colour()}; }}\n" if colour() else ""


def logo() -> Logo | None:
    """Read each time: a new file needs no restart, and the page is seldom asked for."""
    path = Path(settings.VENDOR_LOGO)
    kind = KINDS.get(path.suffix.lower())
    if not settings.VENDOR_LOGO or kind is None:
        return None
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_LOGO + 1)
    except OSError:
        return None
    return Logo(content, kind) if 0 < len(content) <= LARGEST_LOGO else None


def check(**_options: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.VENDOR_COLOUR and not colour():
        why = "VENDOR_COLOUR must be like #0f2540 and dark enough for white text; it is not used."
        found.append(checks.Warning(why, id="links.W001"))
    if settings.VENDOR_LOGO and logo() is None:
        why = "VENDOR_LOGO must name an SVG or PNG file of at most 64 KB; it is not used."
        found.append(checks.Warning(why, id="links.W002"))
    return found


def _linear(part: float) -> float:
    return part / 12.92 if part <= LINEAR_UNTIL else float(((part + 0.055) / 1.055) ** 2.4)
