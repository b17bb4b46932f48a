"""The authorization code flow with PKCE, by MSAL: begin, finish, and ask again with what is kept.

What began is kept in the browser's own session under its ``state``, a few at a time for several
tabs, and is taken out before it is used: so a callback works once, in the browser that began it.
The answer comes in the address (``response_mode=query``), for a POST from Entra would arrive
without our ``SameSite=Lax`` cookie; a code that is seen is worthless without the verifier.
"""

import hashlib
import json
import logging
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import ImproperlyConfigured
from jwt import PyJWTError

from portal.signin.entra import wire
from portal.signin.entra.config import Entra, address_of
from portal.signin.entra.problems import Refused, SignInAgain, Unreachable, said_by
from portal.signin.entra.tokens import Claims, id_token

FLOWS = "entra_flows"  # in the session: what began and has not come back, by its state
MOST_FLOWS = 5
FLOW_SECONDS = 900
OVER = frozenset({"invalid_grant", "interaction_required", "login_required", "consent_required"})
# What MSAL raises for answers that are not what they should be, which it never looks at first.
ODD = (ValueError, RuntimeError, AttributeError, KeyError, TypeError)
AGAIN = "Microsoft Entra wants you to sign in again."
MISCONFIGURED = "Microsoft Entra refuses this portal itself. Its administrators must look at it."
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Begun:
    """``purpose``: sign-in or step-up; ``after``: the path where the person goes on; ``person``:
    whose confirmation was asked for, by primary key."""

    purpose: str
    after: str
    person: int | None
    flow: dict[str, Any]


@dataclass(frozen=True, repr=False)
class Given:
    """What Entra gave, validated. Never written down as it is: see ``keeping``."""

    claims: Claims
    refresh_token: str
    access_token: str


def begin(
    session: SessionBase,
    entra: Entra,
    *,
    purpose: str,
    after: str,
    person: int | None = None,
    more: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The address at Entra to send the browser to. ``more``: OpenID's ``login_hint`` or ``prompt``.
    Raises ``Unreachable``."""
    asked: dict[str, Any] = dict(more)
    if purpose == "step-up":
        asked |= {"prompt": "login", "claims_challenge": _step_up_claims(entra)}
    with _asking(entra) as client, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="response_mode='form_post'")  # see above
        flow = client.initiate_auth_code_flow(
            entra.scopes, redirect_uri=address_of("entra-callback"), response_mode="query", **asked
        )
    address = str(flow.pop("auth_uri"))
    kept = {state: row for state, row in _kept(session).items() if _lives(row)}
    newest = dict(sorted(kept.items(), key=lambda row: row[1]["at"])[-(MOST_FLOWS - 1) :])
    row = {"at": time.time(), "purpose": purpose, "after": after, "person": person, "flow": flow}
    session[FLOWS] = {**newest, flow["state"]: row}
    return address


def taken(session: SessionBase, state: str) -> Begun | None:
    """What began under this state, once. ``None``: nothing did, in this browser and lately."""
    kept = _kept(session)
    row = kept.pop(state, None)
    if row is None:
        return None
    session[FLOWS] = kept
    try:
        session.save()  # at once: a second callback with the same state must find nothing
    except UpdateError:
        raise SessionInterrupted("The session was ended meanwhile.") from None
    if not _lives(row):
        return None
    return Begun(row["purpose"], row["after"], row["person"], row["flow"])


def finish(begun: Begun, answer: Mapping[str, str], entra: Entra) -> Given:
    """Trades the code for tokens. Raises ``Refused`` or ``Unreachable``."""
    nonce = hashlib.sha256(begun.flow["nonce"].encode()).hexdigest()  # what MSAL sent
    with _asking(entra) as client:
        try:
            got = client.acquire_token_by_auth_code_flow(dict(begun.flow), dict(answer))
        except ODD:  # its words quote states, nonces and claims
            raise Refused("unreadable") from None
    if "error" in got:
        told = said_by(got.get("error"), got.get("error_description"))
        logger.warning("entra: sign-in was not completed: %s", told)
        raise Refused("not-completed", told=told)
    return _given(got, entra, nonce=nonce)


def ask_again(refresh_token: str, entra: Entra) -> Given:
    """What Entra says now of who is signed in. Raises ``SignInAgain``, ``Unreachable``, or
    ``Refused`` for a token that is not what it should be."""
    with _asking(entra) as client:
        try:
            got = client.acquire_token_by_refresh_token(refresh_token, entra.scopes)
        except ODD:
            raise Unreachable(wire.NOT_HERE) from None
    if "error" not in got:
        return _given(got, entra, nonce=None)
    told = said_by(got.get("error"), got.get("error_description"))
    if got.get("error") in OVER:
        raise SignInAgain(f"{AGAIN} ({told})")
    logger.error("entra: asking again was refused: %s", told)
    raise Unreachable(MISCONFIGURED)


@contextmanager
def _asking(entra: Entra) -> Iterator[Any]:
    """MSAL's client, a new one for each conversation: it keeps the tokens of everybody it has
    seen. Raises ``Unreachable``."""
    import msal
    import msal.exceptions

    with wire.asking(entra) as door:
        try:
            yield msal.ConfidentialClientApplication(
                entra.client_id,
                client_credential=_credential(entra),
                authority=f"{entra.authority}/{entra.tenant}",
                instance_discovery=False,  # the authority is ours to name; nobody else is asked
                http_client=door,
            )
        except msal.exceptions.MsalError:  # no answer that can be used, such as a 503
            raise Unreachable(wire.NOT_HERE) from None
        except (PyJWTError, ValueError) as error:  # the certificate's key must be RSA
            logger.error("entra: a setting is unfit: %s", type(error).__name__)  # noqa: TRY400
            raise Unreachable(MISCONFIGURED) from None


def _given(got: Mapping[str, Any], entra: Entra, *, nonce: str | None) -> Given:
    claims = id_token(got.get("id_token"), entra, nonce=nonce)
    return Given(claims, str(got.get("refresh_token", "")), str(got.get("access_token", "")))


def _credential(entra: Entra) -> str | dict[str, Any]:
    """Files are read for each use: a workload identity's assertion is replaced every hour."""
    try:
        if entra.federated_token_file:
            assertion = Path(entra.federated_token_file).read_text().strip()
            return {"client_assertion": lambda: assertion}
        if entra.certificate_file:
            pem = Path(entra.certificate_file).read_text()
            return {"private_key": pem, "public_certificate": pem}
    except OSError as error:
        raise ValueError(error.strerror) from None
    if not entra.secret:
        raise ImproperlyConfigured("Sign-in with Entra has no credential.")
    return entra.secret


def _step_up_claims(entra: Entra) -> str:
    wanted = {
        "acrs": {"essential": True, "value": entra.context},
        "auth_time": {"essential": True},
    }
    return json.dumps({"id_token": wanted})


def _kept(session: SessionBase) -> dict[str, Any]:
    kept = session.get(FLOWS)
    return dict(kept) if isinstance(kept, dict) else {}


def _lives(row: Mapping[str, Any]) -> bool:
    return time.time() < float(row["at"]) + FLOW_SECONDS
