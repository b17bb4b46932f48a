"""Clients for Azure's SDKs, and the translation of what goes wrong into the core's two words.

Every call names the identity that makes it: the one that may do least beside it (see ``roles``).

Facts this rests on (see docs/azure.md): the SDK itself would repeat a POST on 500, 503 and 504
and wait without limit for a ``Retry-After``, so its retries are off and the engine decides. The
SDK would also register resource providers and sleep in a loop; that policy is left out.

The SDKs themselves are loaded when the first client is made, or by ``load``: they weigh 40 MB, and
whoever only sends tasks or sees what is due loads this module too, by the tasks' own modules.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
)
from azure.core.pipeline import PipelineRequest, PipelineResponse, policies
from azure.core.pipeline.transport import RequestsTransport
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy
from azure.mgmt.core.tools import parse_resource_id
from django.conf import settings

from access.errors import Erred, Later, Never, Receipt
from portal.azure.budget import Budgeted, OutOfBudgetError
from portal.azure.roles import Identity
from portal.azure.telling import Told

if TYPE_CHECKING:
    from azure.identity import DefaultAzureCredential
    from azure.mgmt.resourcegraph import ResourceGraphClient

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# Codes under which Azure means "not now"; the HTTP status that carries them varies.
BUSY_CODES = frozenset(
    {
        "AnotherOperationInProgress",
        "CanceledAndSupersededDueToAnotherOperation",
        "OperationNotAllowed",
        "ReferencedResourceNotProvisioned",
        "RetryableError",
        "TooManyRequests",
    }
)
NOT_FOUND = 404
GONE_CODES = frozenset({"NotFound", "PolicyNotFound", "ResourceNotFound"})
# Something stands in the way of one resource only: a lock on it, or another change of it.
ONE_RESOURCE = frozenset({409, 412, 423})
ACCEPTED = frozenset({201, 202})
REFUSED_ACTION = re.compile(r"perform action '([\w./*]+)'")  # in the text of a 403
# Without a figure: what has been told once of a door is not told again while it stays the same.
OUT_OF_BUDGET = "Azure takes no more calls just now."
_calls: ContextVar[list[Receipt] | None] = ContextVar("azure_calls", default=None)
_acting: ContextVar[Identity | None] = ContextVar("azure_acting", default=None)


@contextmanager
def acting_as(identity: Identity) -> Iterator[None]:
    """Every call made inside is that identity's, whichever it names: of a process that has one."""
    mark = _acting.set(identity)
    try:
        yield
    finally:
        _acting.reset(mark)


def _who(identity: Identity) -> Identity:
    return _acting.get() or identity


@contextmanager
def calling() -> Iterator[list[Receipt]]:
    """Collects a receipt for each call made inside, and raises ``Later`` or ``Never`` only."""
    receipts: list[Receipt] = []
    mark = _calls.set(receipts)
    try:
        yield receipts
    except AzureError as error:
        raise translate(error, receipts) from error
    finally:
        _calls.reset(mark)


def is_gone(error: HttpResponseError) -> bool:
    """Azure says that this very resource is not there. A 404 may also mean that a subscription
    or its tenant cannot be seen just now, and then nothing is known of what is in it."""
    code = (error.error.code if error.error else "") or ""
    return error.status_code == NOT_FOUND and code in GONE_CODES


def translate(error: AzureError, receipts: list[Receipt]) -> Later | Never:
    """``Later`` where asking again can help, else ``Never``; texts are fit for people."""
    if isinstance(error, OutOfBudgetError):
        sent = _any_accepted(receipts)
        told, after = OUT_OF_BUDGET, error.after
        return Later(told, retry_after=after, sent=sent, starved=True, receipts=receipts)
    if isinstance(error, ClientAuthenticationError):
        return Later("The portal could not sign in to Azure.", sent=False, receipts=receipts)
    if isinstance(error, ServiceRequestError):
        return Later("Azure could not be reached.", sent=False, receipts=receipts)
    if not isinstance(error, HttpResponseError) or error.status_code is None:
        return Erred("Azure's answer was lost.", receipts=receipts)
    return _translate_answer(error, receipts)


def _translate_answer(error: HttpResponseError, receipts: list[Receipt]) -> Later | Never:
    status = error.status_code or 0
    code = (error.error.code if error.error else "") or ""
    after = _retry_after(error)
    if status == 429 or code in BUSY_CODES:  # noqa: PLR2004
        wait = f" It asked to wait {after:.0f} s." if after else ""
        text = f"Azure is busy ({code or status}).{wait}"
        return Later(text, retry_after=after, sent=_any_accepted(receipts), receipts=receipts)
    if status == NOT_FOUND and code not in GONE_CODES:
        return Later(f"Azure cannot find where it is ({code or status}).", receipts=receipts)
    if status in {408} | ONE_RESOURCE or status >= 500:  # noqa: PLR2004
        text = f"Azure answered with an error ({code or status})."
        whole = status not in ONE_RESOURCE
        made = Erred if whole else Later
        return made(text, retry_after=after, whole=whole, receipts=receipts)
    if status == 403:  # noqa: PLR2004
        return Never(_not_allowed(error), receipts=receipts)
    said = (error.error.message if error.error else "") or error.reason or ""
    return Never(f"{code or status}: {said[:300]}", receipts=receipts)


def _not_allowed(error: HttpResponseError) -> str:
    """With the action that a role lacks, where Azure names it."""
    named = REFUSED_ACTION.search((error.error.message if error.error else "") or "")
    what = f"{named[1]}." if named else "this."
    return f"The portal's Azure identity is not allowed to do {what}"


def _any_accepted(receipts: list[Receipt]) -> bool:
    """Of several batches an earlier one may have been taken before Azure said no to a later."""
    return any((receipt["status"] or 0) in ACCEPTED for receipt in receipts)


def _retry_after(error: HttpResponseError) -> float | None:
    """Seconds. Azure sends whole seconds here, never a date."""
    headers = getattr(error.response, "headers", {})
    raw = headers.get("Retry-After")
    try:
        return float(raw) if raw else None
    except ValueError:
        return None


class Receipts(policies.SansIOHTTPPolicy[Any, Any]):
    """Keeps, for the ledger, what identifies a call on both sides. Never bodies or headers."""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        calls = _calls.get()
        if calls is None:
            return
        http = request.http_request
        receipt: dict[str, Any] = {
            "call": f"{http.method} {urlsplit(http.url).path}",
            "client_request_id": http.headers.get("x-ms-client-request-id", ""),
            "status": None,
        }
        calls.append(receipt)
        request.context["receipt"] = receipt

    def on_response(
        self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]
    ) -> None:
        receipt = request.context.get("receipt")
        if receipt is not None:
            answer = response.http_response
            receipt["status"] = answer.status_code
            receipt["correlation_id"] = answer.headers.get("x-ms-correlation-request-id", "")


class LoopbackAuthentication(ARMChallengeAuthenticationPolicy):
    """Lets a token travel over plain http, to this machine only: for simulated Azure."""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        host = urlsplit(request.http_request.url).hostname
        if host in LOOPBACK | set(settings.AZURE_SIMULATED_HOSTS):
            request.context.options.setdefault("enforce_https", False)
        super().on_request(request)


def load() -> None:
    """For a process that will call Azure: its first call is not to wait for the SDKs, near a
    second, with a gate in its hands."""
    import azure.identity
    import azure.mgmt.network
    import azure.mgmt.security  # noqa: F401


def network(subscription_id: str, identity: Identity) -> Any:
    """Bastion hosts, links, sessions, NSGs: a ``NetworkManagementClient`` for the subscription.

    Untyped, because the SDK's annotations refuse the plain dicts that it takes.
    """
    from azure.mgmt.network import NetworkManagementClient

    return _client(
        NetworkManagementClient, subscription_id, _who(identity), settings.AZURE_ENDPOINT
    )


def security(subscription_id: str, identity: Identity) -> Any:
    """JIT policies: a ``SecurityCenter``."""
    from azure.mgmt.security import SecurityCenter

    return _client(SecurityCenter, subscription_id, _who(identity), settings.AZURE_ENDPOINT)


def graph(identity: Identity) -> "ResourceGraphClient":
    """One question for many subscriptions."""
    return _graph(_who(identity), settings.AZURE_ENDPOINT)


def plain(identity: Identity) -> ARMPipelineClient[Any, Any]:
    """For a call that none of the SDKs has; same policies."""
    return _plain(_who(identity), settings.AZURE_ENDPOINT)


@cache
def _graph(identity: Identity, endpoint: str) -> "ResourceGraphClient":
    from azure.mgmt.resourcegraph import ResourceGraphClient

    return ResourceGraphClient(
        credential(identity),
        base_url=endpoint,
        policies=_policies(identity),
        transport=_transport(),
    )


@cache
def _plain(identity: Identity, endpoint: str) -> ARMPipelineClient[Any, Any]:
    return ARMPipelineClient(
        base_url=endpoint, policies=_policies(identity), transport=_transport()
    )


def word(value: Any) -> str:
    """The SDKs give an enumeration for values they know and plain text for others."""
    return str(getattr(value, "value", value) or "")


def parts(resource_id: str) -> dict[str, str]:
    """``subscription``, ``resource_group``, ``name`` … of a resource id."""
    return {key: str(value) for key, value in parse_resource_id(resource_id).items()}


@cache
def _client(made: Any, subscription_id: str, identity: Identity, endpoint: str) -> Any:
    return made(
        credential(identity),
        subscription_id,
        base_url=endpoint,
        credential_scopes=["https://management.azure.com/.default"],
        policies=_policies(identity),
        transport=_transport(),
        polling_interval=settings.AZURE_POLL_SECONDS,
    )


def _transport() -> RequestsTransport:
    return RequestsTransport(connection_timeout=5, read_timeout=settings.AZURE_TIMEOUT_SECONDS)


def client_id(identity: Identity) -> str:
    """Empty: whatever identity the process has. The same for all where one serves as all."""
    return str(getattr(settings, f"AZURE_{identity.name}_CLIENT_ID"))


def credential(identity: Identity) -> "DefaultAzureCredential":
    return credential_of(client_id(identity))


@cache
def credential_of(wanted: str) -> "DefaultAzureCredential":
    """Workload or managed identity, or AZURE_* of the environment; no developer's own sign-in.

    The environment's secret or certificate is that of AZURE_CLIENT_ID, and would be taken for
    any other identity too.
    """
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential(
        managed_identity_client_id=wanted or None,
        exclude_environment_credential=wanted != settings.AZURE_CLIENT_ID,
        exclude_shared_token_cache_credential=True,
        exclude_visual_studio_code_credential=True,
        exclude_cli_credential=not settings.AZURE_ALLOW_CLI_SIGN_IN,
        exclude_powershell_credential=True,
        exclude_developer_cli_credential=True,
        exclude_interactive_browser_credential=True,
    )


def _policies(identity: Identity) -> list[Any]:
    scope = "https://management.azure.com/.default"
    authentication = (
        LoopbackAuthentication if settings.AZURE_SIMULATED else ARMChallengeAuthenticationPolicy
    )
    return [
        Budgeted(identity, client_id(identity)),
        policies.RequestIdPolicy(),
        policies.HeadersPolicy(),
        policies.UserAgentPolicy(user_agent="bastion-access"),
        policies.ContentDecodePolicy(),
        policies.RetryPolicy.no_retries(),
        authentication(credential(identity), scope),
        Receipts(),
        Told(),
        policies.SensitiveHeaderCleanupPolicy(),
    ]


def forget_clients() -> None:
    """For tests, which point at another simulator each."""
    _client.cache_clear()
    _plain.cache_clear()
    _graph.cache_clear()
    credential_of.cache_clear()
