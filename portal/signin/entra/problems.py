"""What can go wrong with Entra, in words that hold nothing secret.

Entra's own descriptions name people, addresses and the times of their tokens. Of them only the
number and the correlation id are kept, which is all that Entra's own logs are searched by.
"""

import re

NUMBER = re.compile(r"\bAADSTS\d{4,8}\b")
CORRELATION = re.compile(r"\bCorrelation ID: ([0-9a-fA-F-]{36})\b")
_SAFE = re.compile(r"AADSTS\d{4,8}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|other")
KNOWN = frozenset(
    {
        "access_denied", "account_selection_required", "consent_required", "interaction_required",
        "invalid_client", "invalid_grant", "invalid_request", "invalid_scope", "login_required",
        "server_error", "temporarily_unavailable", "unauthorized_client",
        "unsupported_grant_type",
    }
)  # fmt: skip


class Unreachable(Exception):
    """Entra did not answer, or not with an answer. The text is fit for people."""


class Unbelievable(Unreachable):
    """Entra answered, and the answer about this one person says nothing that can be used."""


class SignInAgain(Exception):
    """Entra no longer stands behind the session. The text is fit for people and the ledger."""


class Refused(Exception):
    """Somebody is not signed in. ``code`` is for the ledger and the page's words; ``told`` is of
    what Entra said no more than ``said_by`` gives; ``who`` is ``tenant/object`` once known."""

    def __init__(self, code: str, *, told: str = "", who: str = "") -> None:
        super().__init__(code)
        self.code, self.told, self.who = code, told, who


def retold(text: str) -> str:
    """What ``said_by`` made, out of an address that anybody may have written."""
    words = text.split()[:3]
    return " ".join(word for word in words if word in KNOWN or _SAFE.fullmatch(word))


def said_by(error: object, description: object) -> str:
    """``invalid_grant AADSTS50173 3e2f…``: an error's name, number and correlation id alone."""
    text = description if isinstance(description, str) else ""
    name = error if isinstance(error, str) and error in KNOWN else "other"
    number, correlation = NUMBER.search(text), CORRELATION.search(text)
    found = (name, number and number[0], correlation and correlation[1])
    return " ".join(part for part in found if part)
