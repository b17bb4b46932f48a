"""The last line of defence: what looks like a secret, or is one of ours, is not written.

Code that logs a secret is wrong all the same; tests look at records before they come here.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

REDACTED = "[redacted]"
SHORTEST_KNOWN = 8  # characters; a shorter value would be found in any text
NAMES = (
    "client_secret|client_assertion|access_token|refresh_token|id_token|device_code|user_code"
    "|code_verifier|password|passwd|csrfmiddlewaretoken|sessionid|__Host-session|__Host-csrf"
    "|__Host-visit"
)
HEADERS = (
    "proxy-authorization|authorization|set-cookie|cookie|x-csrftoken|x-identity-header"
    "|x-bastion-access-signature"
)
# Each alternative: what may stay (``keep…``), then what may not. All are linear.
PATTERN = re.compile(
    rf"""
      (?P<keep1>ba[xv]_[a-z0-9]{{8}}_)[\w-]{{16,}}                # a personal token, a vendor's
    | (?P<keep10>/visit/(?:bav_[a-z0-9]{{8}}_)?)[\w%~-]{{10,}}+(?!\.\w|\[)  # what may be one
    | (?P<keep11>\bvisit=|["']visit["']\s{{0,3}}[:=]\s{{0,3}}["']?)[\w~-]{{16,}}
    | (?P<keep12>\bc[oó]d(?:e|igo)["']?(?:\s{{0,3}}[:=]\s{{0,3}}|\s{{1,3}})["']?)
      \d{{4}}[\ -]?\d{{4}}\b                                      # mailed to a vendor
    | \beyJ[\w-]{{5,}}\.[\w-]+(?:\.[\w-]*){{1,3}}                   # a JWT, signed or encrypted
    | \bgAAAAA[\w-]{{20,}}={{0,2}}                                  # sealed with Fernet
    | (?P<keep2>/api/shareable-url/)[^\s"'<>\\]+                    # who knows it is let in
    | (?P<keep3>hooks\.slack\.com/)[^\s"'<>\\]+
    | (?P<keep4>://[^\s/@:]{{0,200}}:)[^\s/@]{{1,500}}(?=@)         # a password in an address
    | (?P<keep5>\b(?:{HEADERS})\b["']?\s{{0,3}}[:=]\s{{0,3}})(?:"[^"]*"|'[^']*'|[^\r\n]+)
    | (?P<keep6>\b(?:{NAMES})\b["']?\s{{0,3}}[:=]\s{{0,3}}["']?)[^\s"'&,;}}]+
    | (?P<keep7>[?&](?:code|state|nonce|sig|session_state)=)[^\s"'&<>]+
    | (?P<keep8>\b(?:code|state|nonce)=)[^\s"'&<>]{{20,}}
    | -----BEGIN[ ][A-Z ]{{0,20}}PRIVATE[ ]KEY-----[^-]*(?:-----END[ ][A-Z ]{{0,20}}-----)?
    | (?P<keep9>\bbearer\s{{1,3}})[\w.~+/=-]{{16,}}
    """,
    re.VERBOSE | re.IGNORECASE,
)


def redact(text: str) -> str:
    """The same text, with ``[redacted]`` where a secret stood."""
    ours = _pattern(tuple(_known())) if settings.configured else None
    if ours is not None:
        text = ours.sub(REDACTED, text)
    return PATTERN.sub(_without, text)


def _without(match: re.Match[str]) -> str:
    kept = match.group(match.lastgroup) if match.lastgroup else ""
    return f"{kept}{REDACTED}"


def _known() -> Iterator[str]:
    """The secrets that this process was given."""
    yield settings.SECRET_KEY
    yield from map(str, settings.SECRET_KEY_FALLBACKS)
    yield from settings.FIELD_KEYS
    yield settings.EMAIL_HOST_PASSWORD
    yield getattr(settings, "METRICS_TOKEN", "")
    yield getattr(settings, "ENTRA_CLIENT_SECRET", "")
    yield settings.DATABASES["default"].get("PASSWORD") or ""
    yield _password_of(settings.CELERY_BROKER_URL)


def _password_of(address: Any) -> str:
    try:
        return urlsplit(str(address)).password or ""
    except ValueError:
        return ""


@lru_cache(maxsize=4)
def _pattern(values: tuple[str, ...]) -> re.Pattern[str] | None:
    """Longest first: one may begin with another."""
    known = sorted({v for v in values if len(v) >= SHORTEST_KNOWN}, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, known))) if known else None
