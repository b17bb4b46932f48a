"""Microsoft Graph over HTTPS: questions, pages and what goes wrong, in one exception.

Nothing here keeps a token or writes one down, follows a redirect, or sends anything to another
host than ``ENTRA_GRAPH``. An answer that is not whole is no answer.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3 import Retry

Row = dict[str, Any]
MOST_PAGES = 5000  # of one list; at 100 rows a page more than any directory that fits here
BUSY, AWAY = 429, 500
REFUSALS = frozenset({401, 403})
NOT_FOUND = 404
GONE = "Request_ResourceNotFound"  # Graph's word for an object that is not in the directory


class Unknown(Exception):
    """What was asked is not known. Never to be taken for "no"; the text is fit for people."""


class Refused(Unknown):
    """Graph does not let the asking identity know."""


class Absent(Unknown):
    """Graph says that the object that was asked about does not exist."""


@dataclass(frozen=True)
class Patience:
    """Seconds. ``wait``: the longest that one ``Retry-After`` is obeyed. ``whole``: after that
    nothing further is asked."""

    connect: float
    read: float
    tries: int
    wait: int
    whole: float


OF_WORKERS = Patience(connect=5, read=20, tries=4, wait=30, whole=240)
OF_A_PERSON_WAITING = Patience(connect=3, read=5, tries=1, wait=2, whole=12)


class Graph:
    """One conversation. ``token``: gives the bearer token of who asks, and may raise Unknown."""

    def __init__(self, token: Callable[[], str], patience: Patience = OF_WORKERS) -> None:
        self.token, self.patience = token, patience
        self.until = time.monotonic() + patience.whole
        self.session = requests.Session()
        self.session.trust_env = False  # no proxy, CA or netrc that the environment slips in
        self.session.verify = settings.ENTRA_CA_FILE or True
        adapter = HTTPAdapter(max_retries=_retry(patience))
        self.session.mount("https://", adapter)
        self.session.mount("http://", adapter)

    def one(self, path: str, **query: str) -> Row:
        """The object at ``path``. Raises ``Absent`` when there is none."""
        return self._ask("GET", f"{_base()}{path}", params=query)

    def rows(self, path: str, **query: str) -> Iterator[Row]:
        """Every row of a list, page by page. Raises ``Unknown`` wherever the list breaks off."""
        answer, seen = self._ask("GET", f"{_base()}{path}", params=query), set[str]()
        while True:
            yield from _value(answer)
            following = answer.get("@odata.nextLink")
            if not following:
                return
            if following in seen or len(seen) >= MOST_PAGES:
                raise Unknown("Microsoft Graph leads in a circle: its list has no end.")
            seen.add(following)
            answer = self._ask("GET", _own(following))

    def tell(self, path: str, body: Mapping[str, Any]) -> list[Any]:
        """The list that a POSTed question is answered with."""
        found = self._ask("POST", f"{_base()}{path}", json=body).get("value")
        if not isinstance(found, list):
            raise Unknown("Microsoft Graph gave an answer that is not understood.")
        return found

    def close(self) -> None:
        self.session.close()

    def _ask(self, method: str, url: str, **more: Any) -> Row:
        if time.monotonic() > self.until:
            raise Unknown(f"Microsoft Graph took more than {self.patience.whole:.0f} s.")
        headers = {"Authorization": f"Bearer {self.token()}", "Accept": "application/json"}
        limits = (self.patience.connect, self.patience.read)
        try:
            answer = self.session.request(
                method, url, headers=headers, timeout=limits, allow_redirects=False, **more
            )
        except requests.RequestException as error:
            raise Unknown("Microsoft Graph could not be reached.") from error
        return _understood(answer)


def guid(text: object) -> str:
    """In the directory's own form. Raises ``Unknown`` for anything that is not an object id."""
    try:
        return str(uuid.UUID(str(text)))
    except ValueError as error:
        raise Unknown("Microsoft Graph named an object without a proper id.") from error


def _retry(patience: Patience) -> Retry:
    """POSTs are repeated too: the only one here is a question."""
    return Retry(
        total=patience.tries,
        status_forcelist=(BUSY, 500, 502, 503, 504),
        allowed_methods=frozenset({"GET", "POST"}),
        backoff_factor=0.3,
        backoff_max=patience.wait,
        retry_after_max=patience.wait,
        redirect=False,
        raise_on_status=False,
    )


def _base() -> str:
    return f"{settings.ENTRA_GRAPH.rstrip('/')}/v1.0"


def _own(link: object) -> str:
    """The link of a next page, if it leads to the host that we ask: our token goes with it."""
    here, there = urlsplit(_base()), urlsplit(str(link))
    if (here.scheme, here.netloc) != (there.scheme, there.netloc):
        raise Unknown("Microsoft Graph leads to another host.")
    return str(link)


def _understood(answer: requests.Response) -> Row:
    body = _json(answer)
    if answer.ok and answer.status_code < 300 and body is not None:  # noqa: PLR2004
        return body
    said = (body or {}).get("error")
    code = str(said.get("code", ""))[:80] if isinstance(said, dict) else ""
    raise _problem(answer.status_code, code)


def _problem(status: int, code: str) -> Unknown:
    words = f"{status} {code}".strip()
    if status in REFUSALS:
        return Refused(f"Microsoft Graph does not allow this ({words}).")
    if status == NOT_FOUND and code == GONE:
        return Absent(f"It is not in the directory ({words}).")
    if status == BUSY:
        return Unknown(f"Microsoft Graph is busy ({words}).")
    if status >= AWAY:
        return Unknown(f"Microsoft Graph answered with an error ({words}).")
    return Unknown(f"Microsoft Graph gave an answer that is not understood ({words}).")


def _json(answer: requests.Response) -> Row | None:
    try:
        body = answer.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _value(answer: Row) -> list[Row]:
    found = answer.get("value")
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise Unknown("Microsoft Graph gave a page that is not understood.")
    return found
