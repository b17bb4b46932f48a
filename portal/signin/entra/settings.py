"""Reads and refuses Entra's settings. Called by settings modules: knows nothing of Django's."""

import json
import re

from django.core.exceptions import ImproperlyConfigured

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ROLES = frozenset({"engineer", "approver", "admin", "auditor"})  # ``access.models.Role``


def group_roles(text: str) -> dict[str, str]:
    """``{"<object id>": "<role>"}`` from JSON; empty text is no group at all."""
    if not text.strip():
        return {}
    try:
        read = json.loads(text)
    except ValueError as error:
        raise ImproperlyConfigured("ENTRA_GROUP_ROLES must be JSON.") from error
    if not isinstance(read, dict):
        raise ImproperlyConfigured('ENTRA_GROUP_ROLES must be {"<object id>": "<role>"}.')
    found = {str(group).lower(): str(role).lower() for group, role in read.items()}
    for group, role in found.items():
        if not GUID.fullmatch(group):
            raise ImproperlyConfigured(f"ENTRA_GROUP_ROLES: {group!r} is no object id of a group.")
        if role not in ROLES:
            raise ImproperlyConfigured(f"ENTRA_GROUP_ROLES: {role!r} is no role.")
    return found


def refuse_unsafe(tenant: str, client: str, authority: str, issuer: str) -> None:
    """One tenant, by its id: ``common`` and its like would let every organisation in."""
    if not GUID.fullmatch(tenant):
        raise ImproperlyConfigured("ENTRA_TENANT_ID must be the id (a GUID) of your own tenant.")
    if not GUID.fullmatch(client):
        raise ImproperlyConfigured("ENTRA_CLIENT_ID must be the application's id (a GUID).")
    if not authority.startswith("https://"):
        raise ImproperlyConfigured("ENTRA_AUTHORITY must be https.")
    if issuer and not issuer.startswith("https://"):
        raise ImproperlyConfigured("ENTRA_ISSUER must be https.")


def refuse_two_credentials(*credentials: str) -> None:
    if sum(1 for each in credentials if each) > 1:
        raise ImproperlyConfigured(
            "Name one of ENTRA_CLIENT_SECRET, ENTRA_CERTIFICATE_FILE and "
            "ENTRA_FEDERATED_TOKEN_FILE, not several."
        )
