"""The portal's API, and nothing else of it.

What is safe to repeat is repeated when an answer is lost; what is not never is.
"""

import ssl
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from bastion_access import __version__
from bastion_access.address import is_loopback
from bastion_access.errors import CliError, NotSignedIn, Refused, Unreachable

API = "/api/v1/"
KEY_HEADER = "Idempotency-Key"
CONNECTING = 10.0  # seconds, at most
TRIES = 3
PAUSE = 1.0  # seconds before the second try; twice as long before the third
LONGEST_WAIT = 120.0  # more than that a person is told to come back
LOST = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})  # a proxy's words, not ours
BIGGEST_PAGE = 200
Json = dict[str, Any]


@dataclass
class Portal:
    """``token``: empty for what needs none. ``say`` tells a person why it takes longer."""

    url: str
    token: str = field(default="", repr=False)
    say: Callable[[str], None] = lambda _text: None
    seconds: float = 30
    tries: int = TRIES

    def get(self, path: str, **query: Any) -> Json:
        asked = {name: value for name, value in query.items() if value not in (None, "")}
        return self._json(self._send("GET", path, repeatable=True, params=asked))

    def post(self, path: str, body: Mapping[str, Any]) -> Json:
        """Once: nobody knows whether what got no answer was done."""
        return self._json(self._send("POST", path, repeatable=False, json=dict(body)))

    def repeat(self, path: str, body: Mapping[str, Any]) -> Json:
        """Where the portal says that a call may be repeated: with a key of its own, or because
        doing it twice is doing it once."""
        headers = {KEY_HEADER: str(uuid.uuid4())}
        return self._json(
            self._send("POST", path, repeatable=True, json=dict(body), headers=headers)
        )

    def delete(self, path: str) -> None:
        self._send("DELETE", path, repeatable=True)

    def rows(self, path: str, *, most: int, **query: Any) -> Iterator[Json]:
        """Of a list, page after page, at most so many."""
        asked = {**query, "page_size": min(most, BIGGEST_PAGE)}
        left = most
        while left > 0:
            page = self.get(path, **asked)
            told = page.get("results")
            rows = told if isinstance(told, list) else []
            for row in rows[:left]:
                if isinstance(row, dict):
                    yield row
            left -= len(rows)
            # Only the query of the next address is used: no portal leads elsewhere with a token.
            following = dict(parse_qsl(urlsplit(str(page.get("next") or "")).query))
            if not rows or not following:
                return
            asked = following

    def _send(self, method: str, path: str, *, repeatable: bool, **options: Any) -> httpx.Response:
        for attempt in range(1, self.tries + 1):
            last = attempt == self.tries
            try:
                answer = self._once(method, path, **options)
            except httpx.TransportError as error:
                if last or not (repeatable or isinstance(error, httpx.ConnectError)):
                    raise _unreachable(self.url, error) from error
                self.say("The portal does not answer; trying again.")
                time.sleep(PAUSE * attempt)
                continue
            pause = _pause(answer, attempt, repeatable=repeatable)
            if last or pause is None:
                return _checked(answer)
            if pause > PAUSE * attempt:
                self.say(f"The portal asks to wait {pause:.0f} s.")
            time.sleep(pause)
        raise AssertionError("unreachable: the last try returns or raises")

    def _once(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Redirects are never followed: a token goes to the portal that was named. Plain http is
        for this computer only, so past every proxy."""
        secure = self.url.startswith("https://")
        if not secure and not is_loopback(urlsplit(self.url).hostname or ""):
            raise CliError("The portal's address must begin with https://.")
        headers = {**options.pop("headers", {}), **self._headers()}
        with httpx.Client(
            base_url=self.url,
            timeout=httpx.Timeout(self.seconds, connect=min(self.seconds, CONNECTING)),
            follow_redirects=False,
            trust_env=secure,
        ) as client:
            return client.request(method, f"{API}{path}", headers=headers, **options)

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": f"bastion-access/{__version__}"}
        return {**headers, "Authorization": f"Bearer {self.token}"} if self.token else headers

    def _json(self, answer: httpx.Response) -> Json:
        try:
            value = answer.json()
        except ValueError as error:
            raise _no_portal(self.url) from error
        if not isinstance(value, dict):
            raise _no_portal(self.url)
        return value


def _pause(answer: httpx.Response, attempt: int, *, repeatable: bool) -> float | None:
    """Seconds until another try; ``None`` when this answer counts. What was throttled was not
    done, so it may always be repeated."""
    if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        wanted = _retry_after(answer)
        return wanted if wanted <= LONGEST_WAIT else None
    return PAUSE * attempt if repeatable and answer.status_code in LOST else None


def _retry_after(answer: httpx.Response) -> float:
    """Seconds or a date, as RFC 9110 has it; without it a usual pause."""
    told = answer.headers.get("Retry-After", "").strip()
    if told.isdecimal():
        return float(told[:9])
    try:
        at = parsedate_to_datetime(told)
    except (ValueError, TypeError):
        return 5.0
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    if answer.is_redirect:
        raise CliError("The portal's address leads elsewhere. Give the address it really has.")
    body = _body(answer)
    text = str(body.get("detail") or f"The portal answered {answer.status_code}.")
    kind = str(body.get("type") or "").rpartition(":")[2] or "refused"
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        raise NotSignedIn(f"{text} Sign in: bastion-access sign-in", status=401)
    if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        text = f"{text.rstrip('.')}. Try again in {_retry_after(answer):.0f} s."
    raise Refused(kind, text, fields=_fields(body.get("errors")), status=answer.status_code)


def _body(answer: httpx.Response) -> Json:
    try:
        value = answer.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _fields(told: object) -> dict[str, list[str]]:
    """However deep they lie: ``others.0.port``."""
    found: dict[str, list[str]] = {}
    _gather(told, "", found)
    return found


def _gather(told: object, name: str, found: dict[str, list[str]]) -> None:
    if isinstance(told, dict):
        for key, value in told.items():
            _gather(value, f"{name}.{key}" if name else str(key), found)
    elif isinstance(told, list):
        for number, each in enumerate(told):
            _gather(each, f"{name}.{number}" if isinstance(each, dict | list) else name, found)
    elif told is not None:
        found.setdefault(name, []).append(str(told))


def _unreachable(url: str, error: httpx.TransportError) -> Unreachable:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Unreachable(
                f"The certificate of {url} is not trusted: {cause.verify_message}. If your company "
                "signs its own, name its file in SSL_CERT_FILE."
            )
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.TimeoutException):
        return Unreachable(f"{url} did not answer in time.")
    return Unreachable(f"{url} cannot be reached: {error}.")


def _no_portal(url: str) -> CliError:
    return CliError(f"{url} did not answer as the portal does. Is the address right?")
