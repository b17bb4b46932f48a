"""From which address a request came.

A client can write any header it likes. So ``X-Forwarded-For`` counts only where proxies of ours
stand in front, and of it only what they appended themselves: each appends the address of its own
peer at the right end, so with ``TRUSTED_PROXIES`` of them, that many entries from the right are
theirs, and the left-most of those is the client.
"""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """An IP address, or empty when there is none to believe (a socket, a broken header)."""
    peer = request.META.get("REMOTE_ADDR", "")
    proxies: int = settings.TRUSTED_PROXIES
    if not proxies:
        return _address(peer)
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    # Fewer than ours would have appended: the request did not pass them all, so its peer is all
    # that is known.
    return _address(hops[-proxies] if len(hops) >= proxies else "") or _address(peer)


def _address(text: str) -> str:
    """Azure's gateways append the port too: ``203.0.113.7:51234`` and ``[2001:db8::7]:51234``."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(found, "ipv4_mapped", None)  # ::ffff:203.0.113.7 is 203.0.113.7
    return str(mapped or found)
