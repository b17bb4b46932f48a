"""JIT policies as Azure has them, read and put as plain JSON, so that what no SDK knows survives.

Facts this rests on (docs/azure.md): a policy is put as a whole, is answered "Updating" at first,
and has no etag; recordings hold fields that no specification names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from django.conf import settings

from access.errors import Never, Receipt
from access.models import Machine
from jit.defender import Groups
from jit.wanted import Json
from portal.azure import door as azure
from portal.azure.checks.facts import Nsg
from portal.azure.checks.jit_rules import jit_denies
from portal.azure.checks.policies import API_VERSION
from portal.azure.reading.facts import guard
from portal.azure.roles import Identity


def read(policy_id: str) -> tuple[Json | None, list[Receipt]]:
    """``None``: there is no such policy. Raises ``Later`` or ``Never``."""
    with azure.calling() as receipts:
        try:
            answer = _send("GET", policy_id)
        except HttpResponseError as error:
            if not azure.is_gone(error):
                raise
            return None, receipts
        found: Json = answer.json()
    return found, receipts


def put(policy_id: str, body: Json) -> list[Receipt]:
    """Raises ``Later`` or ``Never``. That Azure took it does not say that it is in force."""
    with azure.calling() as receipts:
        _send("PUT", policy_id, json=body)
    return receipts


def state_of(policy: Json | None) -> str:
    """``Succeeded``, ``Updating``, ``Failed``; empty where Azure does not say."""
    properties = (policy or {}).get("properties") or {}
    return str(properties.get("provisioningState") or "")


@dataclass(frozen=True)
class Guards:
    """The security groups of a machine as they are now: facts by id; and what could not be read."""

    machine: Machine
    facts: Mapping[str, Json]
    problem: str = ""

    def undenied(self, numbers: Sequence[int]) -> list[int]:
        """The ports that no JIT deny rule shuts."""
        nsgs = [Nsg.from_json({"id": key, **facts}) for key, facts in self.facts.items()]
        address = self.machine.private_ip or "-"
        return [n for n in numbers if not any(jit_denies(nsg, address, n) for nsg in nsgs)]


def read_guards(machine: Machine) -> Guards:
    groups = Groups(machine.nsg_ids)
    found = {key: guard(nsg.as_dict()) for key, nsg in groups.read.items() if nsg}
    return Guards(machine, found, str(next(iter(groups.setbacks.values()), "")))


def _send(method: str, policy_id: str, **more: Any) -> Any:
    if not settings.AZURE_KEEPER_CLIENT_ID:
        raise Never("This portal has no identity that may change JIT policies.")
    url = f"{settings.AZURE_ENDPOINT}{policy_id}?api-version={API_VERSION}"
    answer = azure.plain(Identity.KEEPER).send_request(HttpRequest(method, url, **more))
    answer.raise_for_status()
    return answer
