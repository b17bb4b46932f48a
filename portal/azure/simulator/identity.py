"""Who is calling: tokens as App Service's identity endpoint gives them, naming their principal."""

import time

from portal.azure.simulator.answers import Answer, Refused
from portal.azure.simulator.calls import Call
from portal.azure.simulator.world import World

DEFAULT_PRINCIPAL = "portal-worker"
SCHEME = "Bearer static:"
LIFETIME = 86400  # seconds of real time, whatever our clock says
CHALLENGE = (
    'Bearer authorization_uri="https://login.invalid/common", error="invalid_token",'
    ' error_description="simulated Azure knows no such token"'
)


def token(_world: World, call: Call) -> Answer:
    """``client_id`` names the principal."""
    if "x-identity-header" not in call.headers:
        raise Refused(401, "Unauthorized", "The header X-IDENTITY-HEADER is missing.")
    return Answer(
        {
            "access_token": f"static:{call.query.get('client_id') or DEFAULT_PRINCIPAL}",
            "expires_on": str(int(time.time()) + LIFETIME),
            "resource": call.query.get("resource", ""),
            "token_type": "Bearer",
        }
    )


def principal_of(call: Call) -> str:
    """Empty without a token of ours."""
    if call.word == "token.get":
        return call.query.get("client_id") or DEFAULT_PRINCIPAL
    given = call.headers.get("authorization", "")
    return given.removeprefix(SCHEME) if given.startswith(SCHEME) else ""


def check(call: Call) -> None:
    """Raises ``Refused`` for whoever did not sign in."""
    if call.principal:
        return
    missing = not call.headers.get("authorization")
    code = "AuthenticationFailed" if missing else "InvalidAuthenticationToken"
    text = "The token is missing or was not given out here."
    raise Refused(401, code, text, {"WWW-Authenticate": CHALLENGE})
