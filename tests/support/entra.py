"""Microsoft Entra as far as sign-in goes, over https on loopback: what it gives and what it might
be made to give. Ours, so that it can lie; see ``tests/journeys/test_sign_in.py`` for a provider
that nobody here wrote.

``Entra.started()`` answers at ``https://localhost:PORT/<tenant>``: authorization code with PKCE and
a client secret or assertion, refresh tokens, client credentials, keys that can be rotated, people
who can be disabled. ``tamper`` changes the claims of the next tokens; ``sign_with`` how they are
signed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import requests
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

TENANT = "7f4b1a52-0c6d-4c34-9d1e-5a2f6f1f0a01"
OTHER_TENANT = "0d2f0f5e-3a5b-4b0e-8a59-2b7d3f3f0b02"
CLIENT = "c1a5e3d7-6b1f-4f0e-9a53-8f2f1d6e0c03"
SECRET = "canary-client-secret-5b2c"
CONTEXT = "c1"


def oid(name: str) -> str:
    """An object id that is always the same for a name."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


@dataclass
class User:
    name: str
    roles: list[str] = field(default_factory=lambda: ["Engineer"])
    oid: str = ""
    disabled: bool = False
    claims: dict[str, Any] = field(default_factory=dict)
    signed_in_at: int = 0  # when they last typed a password

    def __post_init__(self) -> None:
        self.oid = self.oid or oid(self.name)


class Key:
    def __init__(self) -> None:
        self.kid = secrets.token_hex(8)
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def public_pem(self) -> bytes:
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def as_jwk(self) -> dict[str, Any]:
        made: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(
            self.private.public_key(), as_dict=True
        )
        return {**made, "kid": self.kid, "use": "sig"}


Signer = Callable[[dict[str, Any], Key], str]


class Entra:
    def __init__(self) -> None:
        self.key, self.published = Key(), list[Key]()
        self.published = [self.key]
        self.users: dict[str, User] = {}
        self.here: User | None = None  # whose browser it is
        self.authority = self.ca_file = ""
        self.reset()

    def reset(self) -> None:
        self.users.clear()
        self.published = [self.key]
        self.here = None
        self.codes: dict[str, dict[str, Any]] = {}
        self.refreshable: dict[str, dict[str, Any]] = {}
        self.tamper: dict[str, Any] = {}
        self.sign_with: Signer = signed
        self.steps_up = True  # whether a rule stands behind the context
        self.asks_anew = True  # whether prompt=login makes the person type a password
        self.broken = 0  # an HTTP status for whatever the token endpoint is asked
        self.error: tuple[str, str] | None = None  # of the token endpoint
        self.asked: list[tuple[str, dict[str, str]]] = []  # (path, what was sent)

    @property
    def issuer(self) -> str:
        return f"{self.authority}/{TENANT}/v2.0"

    def user(self, name: str, *roles: str, **more: Any) -> User:
        made = User(name, list(roles) or ["Engineer"], **more)
        made.signed_in_at = int(time.time())
        self.users[made.oid] = made
        return made

    def point(self, settings: Any) -> None:
        settings.ENTRA_TENANT_ID, settings.ENTRA_CLIENT_ID = TENANT, CLIENT
        settings.ENTRA_CLIENT_SECRET = SECRET
        settings.ENTRA_AUTHORITY, settings.ENTRA_CA_FILE = self.authority, self.ca_file
        settings.ENTRA_API_AUDIENCE = f"api://{CLIENT}"
        settings.ENTRA_STEP_UP_CONTEXT = CONTEXT
        forget()

    def asked_times(self, end: str) -> int:
        return sum(1 for path, _ in self.asked if path.endswith(end))

    @contextmanager
    def away(self) -> Iterator[None]:
        self.broken = 503
        yield
        self.broken = 0

    # What a browser does.

    def visit(self, address: str, user: User | None) -> str:
        """What Entra answers a browser in which ``user`` is signed in: where it sends it."""
        self.here = user
        answer = requests.get(address, verify=self.ca_file, allow_redirects=False, timeout=5)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    # Tokens.

    def claims_of(self, user: User, **more: Any) -> dict[str, Any]:
        now = int(time.time())
        found = {
            "iss": self.issuer, "aud": CLIENT, "iat": now, "nbf": now, "exp": now + 3600,
            "ver": "2.0", "tid": TENANT, "oid": user.oid, "sub": f"sub-{user.oid}",
            "name": user.name, "preferred_username": f"{user.name.lower()}@example.test",
            "email": f"{user.name.lower()}@example.test", "acct": 0,
            "auth_time": user.signed_in_at,
            **({"roles": user.roles} if user.roles else {}), **user.claims, **more, **self.tamper,
        }  # fmt: skip
        return {name: value for name, value in found.items() if value is not None}

    def application_token(self, name: str = "Robot", *roles: str, **more: Any) -> str:
        user = User(name, list(roles))
        claims = self.claims_of(
            user, idtyp="app", azp=oid(f"app of {name}"), azpacr="2", name=None,
            preferred_username=None, email=None, acct=None, auth_time=None, app_displayname=name,
        )  # fmt: skip
        changed = {n: v for n, v in {**claims, **more}.items() if v is not None}
        return self.sign_with(changed, self.key)

    def authorized(self, asked: dict[str, str]) -> tuple[str, dict[str, str]]:
        user, state = self.here, asked["state"]
        if user is None or user.disabled:
            said = "AADSTS50057: The user account mail@example.test is disabled."
            return asked["redirect_uri"], {
                "error": "access_denied", "error_description": said, "state": state,
            }  # fmt: skip
        if asked.get("prompt") == "login" and self.asks_anew:
            user.signed_in_at = int(time.time())
        wanted = json.loads(asked.get("claims", "{}")).get("id_token", {}).get("acrs", {})
        code = secrets.token_urlsafe(24)
        self.codes[code] = {
            "user": user, "nonce": asked["nonce"], "challenge": asked["code_challenge"],
            "redirect_uri": asked["redirect_uri"],
            "acrs": [wanted["value"]] if wanted and self.steps_up else None,
        }  # fmt: skip
        return asked["redirect_uri"], {"code": code, "state": state}

    def token_for(self, sent: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if self.broken:
            return self.broken, {"error": "temporarily_unavailable"}
        if self.error:
            return 400, {"error": self.error[0], "error_description": self.error[1]}
        if sent.get("client_secret") != SECRET and "client_assertion" not in sent:
            return 401, refusal("invalid_client", "AADSTS7000215: Invalid client secret.")
        if sent["grant_type"] == "authorization_code":
            return self._for_code(sent)
        return self._for_refresh(sent)

    def _for_code(self, sent: dict[str, str]) -> tuple[int, dict[str, Any]]:
        row = self.codes.pop(sent["code"], None)
        verifier = sent.get("code_verifier", "")
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        if row is None or row["redirect_uri"] != sent["redirect_uri"]:
            return 400, refusal("invalid_grant", "AADSTS54005: The code was already redeemed.")
        if digest.rstrip(b"=").decode() != row["challenge"]:
            return 400, refusal("invalid_grant", "AADSTS501481: The verifier does not match.")
        more = {"nonce": row["nonce"], "acrs": row["acrs"]}
        return 200, self._given(row["user"], **more)

    def _for_refresh(self, sent: dict[str, str]) -> tuple[int, dict[str, Any]]:
        user: User | None = self.refreshable.get(sent["refresh_token"], {}).get("user")
        if user is None or user.disabled:
            told = "AADSTS50173: mail@example.test. Correlation ID: " + oid("correlation")
            return 400, refusal("invalid_grant", told)
        return 200, self._given(user)

    def _given(self, user: User, **more: Any) -> dict[str, Any]:
        refresh = f"canary-refresh-{secrets.token_urlsafe(16)}"
        self.refreshable[refresh] = {"user": user}
        raw = self.sign_with(self.claims_of(user, **more), self.key)
        return {
            "token_type": "Bearer", "expires_in": 3600, "scope": "openid profile",
            "access_token": f"canary-access-{secrets.token_urlsafe(16)}",
            "refresh_token": refresh, "id_token": raw,
        }  # fmt: skip

    @classmethod
    @contextmanager
    def started(cls, folder: Path) -> Iterator[Entra]:
        entra, ca = cls(), trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("localhost").configure_cert(context)
        handler = type("Handler", (Handler,), {"entra": entra})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        entra.authority = f"https://localhost:{server.server_port}"
        entra.ca_file = str(folder / "entra-ca.pem")
        ca.cert_pem.write_to_path(entra.ca_file)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield entra
        server.shutdown()
        server.server_close()
        thread.join(5)


class Handler(BaseHTTPRequestHandler):
    entra: Entra

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        sent = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.entra.asked.append((parts.path, sent))
        base = f"{self.entra.authority}/{TENANT}"
        if parts.path.endswith("openid-configuration"):
            return self._json(200, {
                "issuer": self.entra.issuer, "jwks_uri": f"{base}/discovery/v2.0/keys",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
            })  # fmt: skip
        if parts.path.endswith("/keys"):
            return self._json(200, {"keys": [key.as_jwk() for key in self.entra.published]})
        if parts.path.endswith("/authorize"):
            to, answer = self.entra.authorized(sent)
            self.send_response(302)
            self.send_header("Location", f"{to}?{urlencode(answer)}")
            self.end_headers()
            return None
        return self._json(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        sent = {name: values[0] for name, values in parse_qs(body).items()}
        self.entra.asked.append((urlsplit(self.path).path, sent))
        self._json(*self.entra.token_for(sent))

    def _json(self, status: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_args: Any) -> None:
        pass


def refusal(error: str, description: str) -> dict[str, Any]:
    return {"error": error, "error_description": description}


def signed(claims: dict[str, Any], key: Key) -> str:
    return jwt.encode(claims, key.private, "RS256", headers={"kid": key.kid})


def unsigned(claims: dict[str, Any], key: Key) -> str:
    return jwt.encode(claims, None, "none", headers={"kid": key.kid})


def signed_with_the_public_key(claims: dict[str, Any], key: Key) -> str:
    """What a library accepts that takes the algorithm from the token. PyJWT refuses to make it."""
    import hmac

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    header = json.dumps({"alg": "HS256", "typ": "JWT", "kid": key.kid}).encode()
    text = f"{part(header)}.{part(json.dumps(claims).encode())}"
    return f"{text}.{part(hmac.digest(key.public_pem, text.encode(), 'sha256'))}"


def signed_with_an_unknown_key(claims: dict[str, Any], key: Key) -> str:
    del key
    return signed(claims, Key())


def signed_with_a_stolen_name(claims: dict[str, Any], key: Key) -> str:
    """By another key that calls itself the known one."""
    other = Key()
    other.kid = key.kid
    return signed(claims, other)


def forget() -> None:
    """What this process knows of a provider."""
    from portal.signin.entra import bearer, keys, views, wire
    from portal.signin.middleware import ASKED, AWAY

    wire.forget()
    keys.forget()
    for seldom in (ASKED, AWAY, views.STRANGERS, bearer.REFUSALS):
        seldom.forget()
