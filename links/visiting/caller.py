"""From where, and with what, a page was asked for: evidence, never a right."""

from dataclasses import dataclass

from django.http import HttpRequest

from access.origin import address_of
from access.services.submission import clean_text

LONGEST_ADDRESS, LONGEST_AGENT = 45, 300


@dataclass(frozen=True)
class Caller:
    """``address`` is empty where it is not known. ``agent`` is what the browser says it is."""

    address: str
    agent: str

    @property
    def evidence(self) -> dict[str, str]:
        return {"address": self.address, "agent": self.agent}


def caller_of(request: HttpRequest) -> Caller:
    agent = clean_text(request.headers.get("User-Agent", ""))
    return Caller(address_of(request), agent[:LONGEST_AGENT])
