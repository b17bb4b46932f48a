"""Signing out at Entra, too."""

from urllib.parse import urlencode

from portal.signin.entra import wire
from portal.signin.entra.config import address_of, entra
from portal.signin.entra.problems import Unreachable


def farewell() -> str:
    """The address that ends Entra's own session and leads back to us. Empty where Entra does not
    say: the session here ends all the same."""
    ours = entra()
    try:
        there = wire.endpoint(ours, "end_session_endpoint")
    except Unreachable:
        return ""
    back = {"post_logout_redirect_uri": address_of("signed-out"), "client_id": ours.client_id}
    return f"{there}?{urlencode(back)}"
