"""Validates Entra's tokens. Whatever is not said here about a token is not believed of it.

Both kinds: signed with RS256 by a key of the tenant, the exact issuer, one audience, not expired
and not of the future (``LEEWAY`` for clocks), version 2.0, of our tenant, with an object id.
"""

from collections.abc import Mapping
from typing import Any

import jwt

from portal.signin.entra.config import Entra
from portal.signin.entra.keys import ALGORITHM, UnknownKey, key_of
from portal.signin.entra.problems import Refused
from portal.signin.entra.settings import GUID

LEEWAY = 120  # seconds
LONGEST = 65_536  # characters
MOMENTS = ("exp", "iat", "nbf")
LAST_MOMENT = 253_402_300_799  # the end of the year 9999: what a date can hold
REQUIRED = ["exp", "iat", "nbf", "iss", "aud", "tid", "oid", "ver"]
Claims = Mapping[str, Any]

_CODES: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.ExpiredSignatureError, "expired"),
    (jwt.ImmatureSignatureError, "not-yet-valid"),
    (jwt.InvalidAudienceError, "wrong-audience"),
    (jwt.InvalidIssuerError, "wrong-issuer"),
    (jwt.MissingRequiredClaimError, "incomplete"),
    (jwt.InvalidSignatureError, "bad-signature"),
)


def id_token(raw: object, entra: Entra, *, nonce: str | None) -> Claims:
    """Raises ``Refused`` or ``Unreachable``. ``nonce``: as sent when sign-in began; ``None`` for
    one that a refresh token gave, where OpenID asks for none."""
    claims = _validated(raw, entra, {entra.client_id})
    if nonce is not None and claims.get("nonce") != nonce:
        raise Refused("wrong-nonce")
    return claims


def application_token(raw: object, entra: Entra) -> Claims:
    """Of a program for our API. Raises ``Refused`` or ``Unreachable``.

    Version 2.0 only: the application is ours and its manifest says so, and the issuer of version
    1.0 is another host, which would be one more to believe.
    """
    return _validated(raw, entra, entra.audiences)


def _validated(raw: object, entra: Entra, audiences: frozenset[str] | set[str]) -> Claims:
    if not isinstance(raw, str) or not 0 < len(raw) <= LONGEST:
        raise Refused("unreadable")
    claims = _decoded(raw, entra)
    if not all(_is_moment(claims[name]) for name in MOMENTS):
        raise Refused("unreadable")
    if _audience(claims["aud"]) not in audiences:
        raise Refused("wrong-audience")
    if claims["ver"] != "2.0":
        raise Refused("wrong-version")
    if str(claims["tid"]).lower() != entra.tenant:
        raise Refused("wrong-tenant")
    if not isinstance(claims["oid"], str) or not GUID.fullmatch(claims["oid"].lower()):
        raise Refused("incomplete")
    return claims


def _audience(claim: object) -> str:
    """Of a token for one. For several at once (OpenID allows it) it is nobody's here."""
    if isinstance(claim, list) and len(claim) == 1:
        claim = claim[0]
    return claim.lower() if isinstance(claim, str) else ""


def _is_moment(claim: object) -> bool:
    """Seconds since 1970 as a whole number. PyJWT also takes text and ``true`` for one."""
    return isinstance(claim, int) and not isinstance(claim, bool) and 0 <= claim <= LAST_MOMENT


def _decoded(raw: str, entra: Entra) -> dict[str, Any]:
    """No word of what fails is kept: PyJWT's quote the token's contents."""
    try:
        header = jwt.get_unverified_header(raw)
        if header.get("alg") != ALGORITHM:
            raise Refused("wrong-algorithm")
        key = key_of(entra, str(header.get("kid", "")))
        options: Any = {"require": REQUIRED, "verify_aud": False}
        decoded: dict[str, Any] = jwt.decode(
            raw, key, algorithms=[ALGORITHM], issuer=entra.issuer, leeway=LEEWAY, options=options
        )
    except UnknownKey:
        raise Refused("unknown-key") from None
    except jwt.PyJWTError as error:
        raise Refused(_code_of(error)) from None
    return decoded


def _code_of(error: jwt.PyJWTError) -> str:
    return next((code for kind, code in _CODES if isinstance(error, kind)), "unreadable")
