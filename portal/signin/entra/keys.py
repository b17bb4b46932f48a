"""The keys that Entra signs with, kept until an unknown one is named.

A key nobody knows makes us ask once, and then not again for five minutes: otherwise whoever
sends tokens with invented key ids would have us ask Entra as often as they like.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from jwt import PyJWK, PyJWTError

from portal.signin.entra import wire
from portal.signin.entra.config import Entra
from portal.signin.entra.problems import Unreachable

AGAIN_SECONDS = 300.0
AFTER_FAILURE_SECONDS = 5.0  # while no key at all is known
LONGEST_SECONDS = 86_400.0  # a key that Entra withdrew is not believed for longer
ALGORITHM = "RS256"


class UnknownKey(Exception):
    """No key of the tenant has this id."""


@dataclass
class Kept:
    at: float = 0.0  # monotonic; of the last complete reading
    asked_at: float = float("-inf")  # of the last question, answered or not
    keys: dict[str, PyJWK] = field(default_factory=dict)
    asking: threading.Lock = field(default_factory=threading.Lock)


_kept: dict[str, Kept] = {}
_lock = threading.Lock()


def key_of(entra: Entra, kid: str) -> PyJWK:
    """Raises ``UnknownKey``, or ``Unreachable`` where no key at all is known. A token that names
    no key (``kid`` is empty) is signed by the only one there is: OpenID lets it be left out then,
    and Entra never does."""
    with _lock:
        kept = _kept.setdefault(entra.discovery, Kept())
    found = _among(_current(kept), kid)
    if found is None:
        with kept.asking:  # who comes meanwhile waits for the answer, and has it
            _learn(kept, entra, kid)
            found = _among(_current(kept), kid)
    if found is None:
        raise UnknownKey
    return found


def _learn(kept: Kept, entra: Entra, kid: str) -> None:
    """Asks for the keys, if it was not done just now."""
    now, current = time.monotonic(), _current(kept)
    if _among(current, kid) is not None or (current and now < kept.asked_at + AGAIN_SECONDS):
        return
    if now < kept.asked_at + AFTER_FAILURE_SECONDS:
        raise Unreachable(wire.NOT_HERE)
    kept.asked_at = now
    kept.keys, kept.at = _read(entra), time.monotonic()


def _current(kept: Kept) -> Mapping[str, PyJWK]:
    return kept.keys if time.monotonic() < kept.at + LONGEST_SECONDS else {}


def _among(keys: Mapping[str, PyJWK], kid: str) -> PyJWK | None:
    if not kid and len(keys) == 1:
        return next(iter(keys.values()))
    return keys.get(kid)


def _read(entra: Entra) -> dict[str, PyJWK]:
    listed = wire.fetched(entra, wire.endpoint(entra, "jwks_uri")).get("keys")
    if not isinstance(listed, list):
        raise Unreachable(wire.NOT_HERE)
    found = {}
    for each in listed:
        if not isinstance(each, dict) or each.get("kty") != "RSA" or each.get("use") == "enc":
            continue
        try:
            found[str(each.get("kid", ""))] = PyJWK(each, algorithm=ALGORITHM)
        except (PyJWTError, ValueError, TypeError):
            continue  # one that is not understood signs nothing for us
    found.pop("", None)
    return found


def forget() -> None:
    """For tests: another provider may stand at the same address."""
    with _lock:
        _kept.clear()
