"""Lists of Azure Resource Manager that none of the SDKs in use has."""

from typing import Any

from azure.core.rest import HttpRequest
from django.conf import settings

from portal.azure import door as azure
from portal.azure.roles import Identity


def rows_of(path: str, version: str, identity: Identity) -> list[dict[str, Any]]:
    """The rows of all pages. Raises ``Later`` or ``Never``."""
    rows: list[dict[str, Any]] = []
    with azure.calling():
        page = f"{settings.AZURE_ENDPOINT}{path}?api-version={version}"
        while page:
            answer = azure.plain(identity).send_request(HttpRequest("GET", page))
            answer.raise_for_status()
            told = answer.json()
            rows += told["value"]
            page = told.get("nextLink") or ""
    return rows
