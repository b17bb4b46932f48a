"""What a caller without a browser session may call. The one place that knows.

A view declares ``scopes``: its action, or the method of a view without actions, to a ``Scope``.
Reading through a view set takes ``read`` without being declared. All else that is undeclared takes
a session of the person's own: a new endpoint is closed to tokens until somebody has thought of it.
"""

from typing import Any

from django.db import transaction
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request

from access import ledger
from access.api.tokens import Key, key_of
from access.models import Person, Scope

LONGEST_PATH = 200


class SessionNeeded(PermissionDenied):
    default_code = "session-needed"
    default_detail = "This is done on the pages, by the person themself: no token can."


class ScopeNeeded(PermissionDenied):
    default_code = "scope-needed"


class InScope(IsAuthenticated):
    """Somebody is signed in, and what they signed in with reaches this far."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not super().has_permission(request, view):
            return False
        key, who = key_of(request), request.user
        if key is None:
            return True
        if not isinstance(who, Person):
            return False
        who.scopes = key.scopes  # ``access.policy.table`` asks, too
        if hasattr(view, str(request.method).lower()):  # else it is a 405
            _check(request, who, key, view)
        return True


def scope_of(view: Any, method: str) -> str | None:
    """``None``: no scope is enough."""
    declared: dict[str, str] = getattr(view, "scopes", {})
    name = getattr(view, "action", None) or ("get" if method in SAFE_METHODS else method.lower())
    if name in declared:
        return declared[name]
    reads = method in SAFE_METHODS and hasattr(view, "action_map")
    return Scope.READ.value if reads else None


def _check(request: Request, who: Person, key: Key, view: Any) -> None:
    scope = scope_of(view, str(request.method))
    if scope in key.scopes:
        return
    view.check_throttles(request)  # else who may do nothing could fill the ledger
    refusal = ScopeNeeded(f"This takes the scope “{scope}”.") if scope else SessionNeeded()
    with transaction.atomic():
        data = {
            "token": getattr(key, "prefix", key.name),
            "reason": str(refusal.detail),
            "method": str(request.method),
            "path": request.path[:LONGEST_PATH],
        }
        ledger.record("token.refused", by=who, outcome="denied", data=data)
    raise refusal
