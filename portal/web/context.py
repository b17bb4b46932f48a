"""What the shell around each page shows: read only when a page has a shell, in two queries."""

from typing import Any

from django.conf import settings
from django.db.models import Count, QuerySet, Subquery
from django.db.models.functions import Coalesce, Now
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from access import policy
from access.gatekeeping import closer_seen
from access.models import Finding, Person, Role

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
    approver, oversees = person.holds(Role.APPROVER), policy.may_see_drift(person)
    waiting, drift = _counted(person) if oversees else (0, 0)
    return {
        "person": person,
        "approver": approver,
        "may_ask": person.holds(Role.ENGINEER),
        "admin": person.holds(Role.ADMIN),
        "may_read_ledger": policy.may_read_ledger(person),
        "may_verify": policy.may_verify(person),
        "may_see_drift": oversees,
        "drift": _most(drift),
        "waiting": _most(waiting),
        "closer_silent": not closer_seen(Now()),
        "roles": [role.label for role in Role if role.value in person.held_roles],
    }


def _counted(person: Person) -> tuple[int, int]:
    """(what waits for this person's decision, what is open without a grant), in one query."""
    waiting = policy.waiting_for(person).order_by().values("state").annotate(n=Count("pk"))
    drift = Finding.objects.filter(gone_at__isnull=True).values("gone_at").annotate(n=Count("pk"))
    counts = Person.objects.filter(pk=person.pk).values_list(
        _number(waiting.values("n")), _number(drift.order_by().values("n"))
    )
    first, second = counts.get()
    return int(first), int(second)


def _number(counted: QuerySet[Any]) -> Coalesce:
    return Coalesce(Subquery(counted[:1]), 0)


def _most(number: int) -> int | str:
    return f"{MOST_COUNTED}+" if number > MOST_COUNTED else number
