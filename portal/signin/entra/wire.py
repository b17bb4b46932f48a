"""How Entra is asked: over https, for seconds only, by the certificate authorities that are named.

Nothing of the environment counts (``REQUESTS_CA_BUNDLE``, proxies, ``.netrc``), no redirect is
followed, and the provider's description of itself is asked for once a day.
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
from django.conf import settings

from portal.signin.entra.config import Entra
from portal.signin.entra.problems import Unreachable

DAY = 86_400.0
OK = 200
NOT_HERE = "Microsoft Entra does not answer. Try again in a moment."
_described: dict[str, tuple[float, Mapping[str, Any]]] = {}
_lock = threading.Lock()


class Door(requests.Session):
    """One conversation. MSAL asks through it, too."""

    def __init__(self, entra: Entra) -> None:
        super().__init__()
        self.trust_env = False
        self.verify = entra.ca_file or True
        self.entra = entra

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        seconds = settings.ENTRA_TIMEOUT_SECONDS
        kwargs |= {"timeout": seconds, "allow_redirects": False}
        return super().request(*args, **kwargs)

    def get(self, url: str | bytes, **kwargs: Any) -> requests.Response:
        """MSAL begins each time with the provider's description, which is known."""
        if url != self.entra.discovery:
            return super().get(url, **kwargs)
        known = requests.Response()
        known.status_code, known.encoding = OK, "utf-8"
        known._content = json.dumps(description(self.entra)).encode()  # noqa: SLF001
        return known


@contextmanager
def asking(entra: Entra) -> Iterator[Door]:
    """Raises ``Unreachable`` for whatever a network does."""
    with Door(entra) as door:
        try:
            yield door
        except requests.RequestException:
            raise Unreachable(NOT_HERE) from None  # its words hold addresses with codes in them


def description(entra: Entra) -> Mapping[str, Any]:
    """OpenID's discovery document. Raises ``Unreachable``."""
    with _lock:
        at, known = _described.get(entra.discovery, (0.0, {}))
    if known and time.monotonic() < at + DAY:
        return known
    read = fetched(entra, entra.discovery)
    if read.get("issuer") != entra.issuer:
        raise Unreachable("Microsoft Entra describes itself as somebody else. Check ENTRA_ISSUER.")
    with _lock:
        _described[entra.discovery] = (time.monotonic(), read)
    return read


def endpoint(entra: Entra, name: str) -> str:
    """An address out of the description: of the authority itself, or it is not believed."""
    address = description(entra).get(name)
    if not isinstance(address, str) or not entra.is_of_authority(address):
        raise Unreachable("Microsoft Entra named an address that is not its own.")
    return address


def fetched(entra: Entra, address: str) -> Mapping[str, Any]:
    """A JSON object. Raises ``Unreachable``."""
    with Door(entra) as door:
        try:
            answer = requests.Session.get(door, address)
            read = answer.json() if answer.status_code == OK else None
        except (requests.RequestException, ValueError):
            read = None
    if not isinstance(read, dict):
        raise Unreachable(NOT_HERE)
    return read


def forget() -> None:
    """For tests: another provider may stand at the same address."""
    with _lock:
        _described.clear()
