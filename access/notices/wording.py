"""What the words for an event consist of."""

from dataclasses import dataclass

from access.models import Family


@dataclass(frozen=True)
class Words:
    """``subject`` and ``sentence`` are filled with facts. ``action`` labels the link, which leads
    to ``page``: a name of ``access.delivery.links.PAGES``."""

    family: Family
    subject: str
    sentence: str
    action: str = "Open the request"
    page: str = "request"
    tone: str = "blue"  # blue, green, amber, red or grey, as in status tags
    own: bool = False  # done by the person who asked, who therefore need not be told
