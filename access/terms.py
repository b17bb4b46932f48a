"""The terms of a request, in one canonical form, and their digest.

What the approver saw, what was approved and what is opened are the same exactly when their
digests are the same. Rendered names come from the database, never from the browser.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC
from typing import Any

from access.models import AccessRequest, RequestedDoor


def terms_of(access_request: AccessRequest, doors: Iterable[RequestedDoor]) -> dict[str, Any]:
    """Plain JSON: machines by key and immutable id, ports, person, window, reason."""
    start = access_request.asked_start
    return {
        "requester": access_request.requester_id,
        "kind": access_request.kind,
        "doors": sorted(
            [door.machine.resource_key, door.vm_id, door.kind, door.port] for door in doors
        ),
        "start": start.astimezone(UTC).isoformat() if start else None,
        "minutes": access_request.duration_minutes,
        "reason": access_request.reason,
        "ticket": access_request.ticket,
        "vendor": [
            access_request.vendor_name,
            access_request.vendor_company,
            access_request.vendor_mail,
        ],
        **({"details": access_request.details} if access_request.details else {}),
        "policy": access_request.policy,
        **_since_revisions(access_request),
    }


def _since_revisions(access_request: AccessRequest) -> dict[str, Any]:
    """Not in the terms of requests from before there were any: their digests must stay true."""
    if "judgement" not in access_request.policy:
        return {}
    return {"revision": access_request.revision, "extends": access_request.extends_id}


def digest_of(access_request: AccessRequest, doors: Iterable[RequestedDoor]) -> str:
    """SHA-256 in hexadecimal of the terms as sorted, compact JSON."""
    text = json.dumps(terms_of(access_request, doors), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
