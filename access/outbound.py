"""The one way in which the portal calls an address that people typed.

Whoever names an address could name one of ours: the cloud's metadata, a service on this machine,
a host in the private network. So the name is resolved once, every address that it has is judged,
and exactly one of those is connected to, with the certificate of the name. No redirect is
followed, nothing of a caller's becomes a header, no proxy is taken from the environment, and an
answer is read up to a cap and a deadline.
"""

import ipaddress
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

import urllib3
from django.conf import settings

CONNECT_SECONDS = READ_SECONDS = 5.0
ANSWER_SECONDS = 10.0
ANSWER_BYTES = 64 * 1024
LONGEST_ADDRESS = 2000
NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z][a-z0-9-]{0,61}\.?")
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
HEADERS = frozenset(
    {
        "content-type",
        "user-agent",
        "x-bastion-access-id",
        "x-bastion-access-timestamp",
        "x-bastion-access-signature",
    }
)
AGENT = "Bastion-Access"
# Beyond what the library calls not global: the platform's own wire server, and the ranges in
# which an IPv4 address hides in an IPv6 one (NAT64, 6to4, Teredo, the deprecated compatible form),
# and what was once site-local, which some networks still use.
NEVER = tuple(
    ipaddress.ip_network(net)
    for net in (
        "168.63.129.16/32", "169.254.0.0/16", "100.64.0.0/10", "192.0.0.0/24", "::/96",
        "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16",
        "192.88.99.0/24", "fec0::/10",
    )
)  # fmt: skip
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Blocked(Exception):
    """It may not be called, now or later, as things stand. ``str()`` is fit to show."""


class Unreached(Exception):
    """No answer came. Trying again later may help. ``str()`` is fit to show."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    retry_after: float | None  # seconds


def check_shape(address: str) -> SplitResult:
    """What can be said of an address without asking anybody. Raises ``Blocked``."""
    if len(address) > LONGEST_ADDRESS or not address.isascii() or not address.isprintable():
        raise Blocked("That is no address that can be called.")
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise Blocked("That is no address that can be called.") from error
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Blocked("The address must not hold a user, a password or a fragment.")
    if _is_our_own(host):
        return parts
    if parts.scheme != "https":
        raise Blocked("The address must begin with https.")
    if not NAME.fullmatch(host) or _is_numeric(host):
        raise Blocked("The address must name a host, not an IP address.")
    if not _is_allowed(host):
        raise Blocked(f"{host} is not among the hosts that notices may go to (NOTICES_HOSTS).")
    return parts


def post(address: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send it once. Raises ``Blocked`` or ``Unreached``; any status of HTTP is an answer."""
    parts = check_shape(address)
    if stray := {name.lower() for name in headers} - HEADERS:
        raise Blocked(f"These headers are never sent: {', '.join(sorted(stray))}.")
    host = (parts.hostname or "").rstrip(".")
    shown = host if parts.port is None else f"{host}:{parts.port}"
    url, ends = _dialled(parts, host), time.monotonic() + ANSWER_SECONDS
    with _pool(host, secure=parts.scheme == "https") as pool, _hung_up_on(pool, ANSWER_SECONDS):
        try:
            response = pool.request(
                "POST",
                url,
                body=body,
                headers={"User-Agent": AGENT, **headers, "Host": shown},
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            )
            return _read(response, ends)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreached(_why(error, host)) from error


@contextmanager
def _hung_up_on(pool: Any, seconds: float) -> Iterator[None]:
    """Whoever still talks then. A socket's timeout counts from the last byte, so that a byte every
    few seconds, in the headers or after them, would keep a worker for hours."""
    made: list[Any] = []
    over = threading.Event()

    def hang_up(connected: socket.socket) -> None:
        with suppress(OSError):  # not that of TLS, which would say good-bye and wait
            socket.socket.shutdown(connected, socket.SHUT_RDWR)

    def end() -> None:
        over.set()
        for each in made:
            hang_up(each)

    def watched(kind: Any) -> Any:
        class Watched(kind.ConnectionCls):  # type: ignore[misc] # as the library has it
            def connect(self) -> None:
                super().connect()
                made.append(self.sock)
                if over.is_set():
                    hang_up(self.sock)

        return type(kind.__name__, (kind,), {"ConnectionCls": Watched})

    kinds = pool.pool_classes_by_scheme
    pool.pool_classes_by_scheme = {scheme: watched(kind) for scheme, kind in kinds.items()}
    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _dialled(parts: SplitResult, host: str) -> str:
    """The same with the one address in the place of the name, which is not asked again."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    target = _resolved(host, port)
    literal = f"[{target}]" if target.version == 6 else str(target)  # noqa: PLR2004
    return urlunsplit((parts.scheme, f"{literal}:{port}", parts.path or "/", parts.query, ""))


def _pool(host: str, *, secure: bool) -> Any:
    """Of one use. ``server_hostname`` is what the certificate must be for, whatever was dialled."""
    trust: dict[str, Any] = {}
    if secure:
        context = ssl.create_default_context()
        if settings.NOTICES_CA_FILE:
            context.load_verify_locations(settings.NOTICES_CA_FILE)
        trust = {"ssl_context": context, "server_hostname": host, "assert_hostname": host}
    if settings.NOTICES_PROXY and not _is_our_own(host):
        return urllib3.ProxyManager(settings.NOTICES_PROXY, **trust)
    return urllib3.PoolManager(**trust)


def _read(response: urllib3.BaseHTTPResponse, ends: float) -> Answer:
    """What came by then is the answer: its status is all that counts."""
    body = b""
    try:
        while len(body) < ANSWER_BYTES and time.monotonic() < ends:
            part = response.read(min(4096, ANSWER_BYTES - len(body)))
            if not part:
                break
            body += part
    except (urllib3.exceptions.HTTPError, OSError):
        if time.monotonic() < ends:
            raise
    finally:
        response.close()
    return Answer(response.status, body, _seconds(response.headers.get("Retry-After", "")))


def _seconds(text: str) -> float | None:
    """Only the form in seconds is taken; a date depends on two clocks."""
    asked = text.strip()
    return float(asked) if asked.isascii() and asked.isdecimal() and len(asked) <= 6 else None  # noqa: PLR2004


def _resolved(host: str, port: int) -> Address:
    """One of its addresses, if all of them may be called. Raises ``Blocked`` or ``Unreached``."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreached(f"The name {host} could not be resolved.") from error
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not addresses:
        raise Unreached(f"The name {host} has no address.")
    ours = _is_our_own(host)
    identity = _identity_addresses()
    for each in addresses:
        if ours and each.is_loopback:
            continue
        if _is_forbidden(each) or each in identity:
            raise Blocked(f"{host} leads to {each}, which is not a public address.")
    return addresses[0]


def _is_forbidden(address: Address) -> bool:
    if any(address.version == net.version and address in net for net in NEVER):
        return True
    return not address.is_global or address.is_multicast or address.is_reserved


def _is_our_own(host: str) -> bool:
    return bool(settings.NOTICES_ALLOW_LOOPBACK) and host in LOOPBACK_NAMES


def _is_numeric(host: str) -> bool:
    """``2130706433``, ``0x7f.1`` and ``017700000001`` are addresses too, for the system."""
    last = host.rstrip(".").rpartition(".")[2]
    if last.startswith("0x") or last.isdecimal():
        return True
    try:
        socket.inet_aton(host)
    except OSError:
        return False
    return True


def _is_allowed(host: str) -> bool:
    allowed = [pattern.strip().lower() for pattern in settings.NOTICES_HOSTS if pattern.strip()]
    return not allowed or any(fnmatch(host.rstrip("."), pattern) for pattern in allowed)


def _identity_addresses() -> set[Address]:
    """Where this process gets its tokens, if it has an identity."""
    hosts = {
        urlsplit(os.environ.get(name, "")).hostname or ""
        for name in ("IDENTITY_ENDPOINT", "MSI_ENDPOINT")
    }
    found: set[Address] = set()
    for host in filter(None, hosts):
        try:
            entries = socket.getaddrinfo(host, None)
        except OSError:
            continue
        found |= {ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in entries}
    return found


def _why(error: Exception, host: str) -> str:
    """Without the address itself, whose path is a secret."""
    if isinstance(error, urllib3.exceptions.SSLError):
        return f"The certificate of {host} was not accepted."
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return f"{host} did not take the connection within {CONNECT_SECONDS:.0f} s."
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return f"{host} did not answer within {READ_SECONDS:.0f} s."
    return f"{host} did not answer."
