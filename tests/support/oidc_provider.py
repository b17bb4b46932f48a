"""An OpenID provider that nobody here wrote (oidc-provider-mock), where Entra would stand.

A process of its own, for it comes with a debugger: ``python -m tests.support.oidc_provider DIR``
serves it at ``https://localhost:PORT/<tenant>/v2.0`` over TLS, writes its certificate authority to
``DIR/ca.pem`` and prints the port.

Three things are added, each as OpenID allows it and Entra does: an ID token comes with refreshed
tokens, made by the provider's own code; the client's secret may come in the form then, too; and
``offline_access`` is a scope. What else it does differently from Entra is left so: its issuer has
no path, its tokens name no key, their audience is a list.
"""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[2]
TENANT = "3c7a9e1f-5d2b-4e8a-8c41-6f0b9d2e7a10"
CLIENT = "a94d0c3e-17f2-4b66-b5d8-2e9c41f07b11"


@dataclass(frozen=True)
class Provider:
    port: int
    ca_file: str

    @property
    def issuer(self) -> str:
        return f"https://localhost:{self.port}"

    def point(self, settings: Any) -> None:
        from tests.support.entra import forget

        settings.ENTRA_TENANT_ID, settings.ENTRA_CLIENT_ID = TENANT, CLIENT
        settings.ENTRA_CLIENT_SECRET = "any will do there"
        settings.ENTRA_AUTHORITY = settings.ENTRA_ISSUER = self.issuer
        settings.ENTRA_CA_FILE = self.ca_file
        forget()

    def says(self, person: str, **claims: Any) -> None:
        """What its tokens say of somebody from now on."""
        address = f"{self.issuer}/{TENANT}/v2.0/users/{person}"
        requests.put(address, json=claims, verify=self.ca_file, timeout=5).raise_for_status()

    @classmethod
    @contextmanager
    def started(cls, folder: Path) -> Iterator[Provider]:
        command = [sys.executable, "-W", "ignore", "-m", __name__, str(folder)]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True
            )
            assert process.stdout is not None
            try:
                yield cls(int(process.stdout.readline()), str(folder / "ca.pem"))
            finally:
                process.terminate()
                process.wait(10)
                process.stdout.close()


def serve(folder: Path) -> None:
    import trustme
    from oidc_provider_mock import _app, _storage
    from oidc_provider_mock import app as provider
    from werkzeug.middleware.dispatcher import DispatcherMiddleware
    from werkzeug.serving import make_server
    from werkzeug.wrappers import Response

    class Refreshing(_app.RefreshTokenGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]

        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            _app.OpenIDCode(require_nonce=False, token_max_age=timedelta(hours=1))(self)

    _app.RefreshTokenGrant = Refreshing
    _storage.Client.SCOPES_SUPPORTED += ("offline_access",)
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    mounted = DispatcherMiddleware(
        Response("", 404), {f"/{TENANT}/v2.0": provider(require_nonce=True)}
    )
    server = make_server("localhost", 0, mounted, threaded=True, ssl_context=context)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
