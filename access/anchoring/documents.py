"""Signed documents: JSON that people can read, and under it who vouches for it.

Signed by ``django.core.signing``: HMAC-SHA256 with a key derived from ours and the document's name,
compared in constant time, with keys of before. So it can be neither changed nor put under another
name. Not by FIELD_KEYS or SECRET_KEY: the second closer has to read it, and is given neither.
"""

import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.signing import BadSignature, Signer

SEPARATOR = "\nsigned:"


class Forged(Exception):
    """It was not signed by us under this name, or not all of it is there."""


def sealed(name: str, body: Mapping[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return _signer(name).sign(text)


def opened(name: str, text: str) -> dict[str, Any]:
    """Raises ``Forged``."""
    try:
        body = json.loads(_signer(name).unsign(text))
    except (BadSignature, ValueError) as error:
        raise Forged(name) from error
    if not isinstance(body, dict):
        raise Forged(name)
    return body


def _signer(name: str) -> Signer:
    newest, *older = settings.ACCESS_ANCHOR_KEYS or [""]
    if not newest:
        raise Forged("ACCESS_ANCHOR_KEYS is empty")
    return Signer(key=newest, fallback_keys=older, sep=SEPARATOR, salt=f"access.anchoring/{name}")
