"""Addresses of portals."""

import ipaddress
import re
from urllib.parse import urlsplit, urlunsplit

from bastion_access.errors import Wrong

HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+")
PORTS = {"https": 443, "http": 80}


def portal_address(typed: str) -> str:
    """``https://host[:port]``, in one spelling. Raises ``Wrong``.

    A token is sent there, so it is ``https``, save where nothing leaves this computer.
    """
    scheme, host, port = _parts(typed.strip())
    if scheme == "http" and not is_loopback(host):
        raise Wrong("The portal's address must begin with https://; only loopback may be http://.")
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" if port == PORTS[scheme] else f"{scheme}://{shown}:{port}"


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def on_portal(portal: str, told: str) -> str:
    """The path and query of an address that the portal told, on the portal as it was typed: a
    proxy between may have made the portal think that it is called otherwise."""
    there, here = urlsplit(told), urlsplit(portal)
    path = there.path if there.path.startswith("/") else f"/{there.path}"
    return urlunsplit((here.scheme, here.netloc, path, there.query, ""))


def _parts(typed: str) -> tuple[str, str, int]:
    """(scheme, host in small letters, port)."""
    split = urlsplit(typed if "://" in typed else f"https://{typed}")
    try:
        host, port = (split.hostname or "").lower(), split.port
    except ValueError as error:
        raise Wrong("The portal's address is not one: its port is no number.") from error
    if split.scheme not in PORTS:
        raise Wrong("The portal's address must begin with https://.")
    if split.username is not None or split.query or split.fragment or split.path not in {"", "/"}:
        raise Wrong(
            "The portal's address is only https:// and a host, such as https://access.example.com."
        )
    if not HOST.fullmatch(host):
        raise Wrong("The portal's address names no host.")
    return split.scheme, host, port or PORTS[split.scheme]
