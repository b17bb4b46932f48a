"""What the shell around each page shows: read only when a page has a shell, in two queries."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from access import policy
from access.clock import db_now
from access.gatekeeping import closer_seen
from access.models import Person, Role

THEMES = ("light", "dark")
MOST_COUNTED = 99


def shell(request: HttpRequest) -> dict[str, Any]:
    """``shell``: an object that asks nothing until a template looks at it."""
    return {"shell": SimpleLazyObject(lambda: _shell(request))}


def _shell(request: HttpRequest) -> dict[str, Any]:
    theme = request.COOKIES.get("theme", "")
    facts: dict[str, Any] = {
        "theme": theme if theme in THEMES else "",
        "simulated": settings.AZURE_SIMULATED,
        "now": timezone.now(),
        "here": request.get_full_path() if request.method == "GET" else "",
        "area": request.resolver_match.url_name if request.resolver_match else "",
    }
    person = getattr(request, "user", None)
    if isinstance(person, Person):
        facts |= _for_person(person)
    return facts


def _for_person(person: Person) -> dict[str, Any]:
    approver = person.holds(Role.APPROVER)
    waiting = policy.waiting_for(person)[: MOST_COUNTED + 1].count() if approver else 0
    return {
        "person": person,
        "approver": approver,
        "may_ask": person.holds(Role.ENGINEER),
        "may_read_ledger": policy.may_read_ledger(person),
        "waiting": f"{MOST_COUNTED}+" if waiting > MOST_COUNTED else waiting,
        "closer_silent": not closer_seen(db_now()),
        "roles": [role.label for role in Role if role.value in person.held_roles],
    }
