"""The settings of sign-in with Entra, in one value."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse


@dataclass(frozen=True)
class Entra:
    """``issuer``: what tokens must name, letter for letter. ``context``: the authentication context
    of step-up; empty where there is none. ``audiences``: of tokens for the API."""

    tenant: str
    client_id: str
    authority: str
    issuer: str
    context: str
    audiences: frozenset[str]
    group_roles: tuple[tuple[str, str], ...] = ()
    ca_file: str = ""
    secret: str = field(default="", repr=False)
    certificate_file: str = ""
    federated_token_file: str = ""

    @property
    def discovery(self) -> str:
        """Where the provider describes itself."""
        return f"{self.authority}/{self.tenant}/v2.0/.well-known/openid-configuration"

    @property
    def scopes(self) -> list[str]:
        """Besides OpenID's own. Groups that a token leaves out are asked of Graph as the person."""
        return [f"{settings.ENTRA_GRAPH}/User.Read"] if self.group_roles else []

    def is_of_authority(self, address: str) -> bool:
        """Whether an address that a document names is the authority's own."""
        ours, found = urlsplit(self.authority), urlsplit(address)
        return (ours.scheme, ours.netloc) == (found.scheme, found.netloc)


def configured() -> bool:
    return bool(settings.ENTRA_TENANT_ID and settings.ENTRA_CLIENT_ID)


def entra() -> Entra:
    """Call it where ``configured`` is known. Read for each use: nothing of it is kept."""
    tenant, client_id = settings.ENTRA_TENANT_ID, settings.ENTRA_CLIENT_ID
    return Entra(
        tenant=tenant,
        client_id=client_id,
        authority=settings.ENTRA_AUTHORITY,
        issuer=settings.ENTRA_ISSUER or f"{settings.ENTRA_AUTHORITY}/{tenant}/v2.0",
        context=settings.ENTRA_STEP_UP_CONTEXT,
        audiences=frozenset({client_id, settings.ENTRA_API_AUDIENCE}),
        group_roles=tuple(sorted(settings.ENTRA_GROUP_ROLES.items())),
        ca_file=settings.ENTRA_CA_FILE,
        secret=settings.ENTRA_CLIENT_SECRET,
        certificate_file=settings.ENTRA_CERTIFICATE_FILE,
        federated_token_file=settings.ENTRA_FEDERATED_TOKEN_FILE,
    )


def require_credential() -> None:
    """Of the web process, which alone signs people in. Workers need none, so settings that all
    share cannot ask for it."""
    if settings.ACCESS_DEMO_SIGN_IN and not configured():
        return
    given = entra()
    if not (given.secret or given.certificate_file or given.federated_token_file):
        raise ImproperlyConfigured(
            "Sign-in needs ENTRA_FEDERATED_TOKEN_FILE, ENTRA_CERTIFICATE_FILE or "
            "ENTRA_CLIENT_SECRET in the web process."
        )


def address_of(name: str) -> str:
    """Of a page of ours, as registered with Entra: never from what a client says its host is."""
    return f"{settings.PORTAL_URL.rstrip('/')}{reverse(name)}"
