"""What the shell around each page shows: read only when a page has a shell, in one query, and one
more in an incident."""

from typing import Any

from django.conf import settings
from django.db.models import (
    BooleanField,
    Count,
    Exists,
    ExpressionWrapper,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce, Now
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from access import policy
from access.gatekeeping import closer_is_seen
from access.lockdowns import rows_in_force
from access.models import Finding, Person, PolicyState, PolicyVersion, Restoration, Role
from access.presenters.lockdowns import bands
from links.sponsoring.presenters.waiting import visits_of
from portal.directory import standing

THEMES = ("light", "dark")
MOST_COUNTED = 99


def shell(request: HttpRequest) -> dict[str, Any]:
    """``shell``: an object that asks nothing until a template looks at it."""
    return {"shell": SimpleLazyObject(lambda: _shell(request))}


def _shell(request: HttpRequest) -> dict[str, Any]:
    theme = request.COOKIES.get(settings.THEME_COOKIE_NAME, "")
    facts: dict[str, Any] = {
        "theme": theme if theme in THEMES else "",
        "simulated": settings.AZURE_SIMULATED,
        "demo_mail": settings.DEMO_MAIL is not None,
        "now": timezone.now(),
        "here": request.get_full_path() if request.method == "GET" else "",
        "area": request.resolver_match.url_name if request.resolver_match else "",
    }
    person = getattr(request, "user", None)
    if isinstance(person, Person):
        facts |= _for_person(person)
    return facts


def _for_person(person: Person) -> dict[str, Any]:
    oversees = policy.may_see_drift(person)
    known = _known(person)
    return {
        "person": person,
        "idle": settings.ACCESS_SESSION_IDLE_SECONDS,
        "may": {act.value: policy.has(person, act) for act in policy.Act},
        "policy_waits": known["proposed"] and policy.may_propose_policy(person),
        "drift": _most(known["drift"]) if oversees else 0,
        "reviews": _most(known["owed"]) if oversees else 0,
        "beside": _most(known["drift"] + known["owed"]) if oversees else 0,
        "waiting": _most(known["waiting"]),
        "visits": known["visits"],
        "closer_silent": not known["closer_seen"],
        "restoration": known["restoration"],
        "incidents": bands(person) if known["incident"] else [],
        "directory": standing.standing_of(known, timezone.now()),
        "roles": [role.label for role in Role if role.value in person.held_roles],
    }


def _known(person: Person) -> dict[str, Any]:
    """What waits for this person's decision and what is open without a grant, break-glass that this
    person may review, whether closing is looked after, whether the database went back in time,
    whether anything is shut in an incident, whether a vendor's visit of theirs runs or left
    something to do, and, for who sees people, how well the directory is known."""
    mine = policy.waiting_for(person).filter(asked_back_at__isnull=True).order_by()
    waiting = mine.values(one=Value(1)).annotate(n=Count("pk"))  # one group, whatever their state
    drift = Finding.objects.filter(gone_at__isnull=True).values("gone_at").annotate(n=Count("pk"))
    owed = policy.reviews_owed_by(person).order_by().values("verdict").annotate(n=Count("pk"))
    found = Person.objects.values(
        waiting=_number(waiting.values("n")),
        drift=_number(drift.order_by().values("n")),
        owed=_number(owed.values("n")),
        restoration=Subquery(Restoration.objects.filter(waits=True).values("pk")[:1]),
        closer_seen=ExpressionWrapper(closer_is_seen(Now()), BooleanField()),
        incident=Exists(rows_in_force()),
        visits=Exists(visits_of(person, Now())),
        proposed=Exists(PolicyVersion.objects.filter(state=PolicyState.PROPOSED)),
        **(standing.columns() if policy.may_see_people(person) else {}),
    ).get(pk=person.pk)
    return dict(found)


def _number(counted: QuerySet[Any]) -> Coalesce:
    return Coalesce(Subquery(counted[:1]), 0)


def _most(number: int) -> int | str:
    return f"{MOST_COUNTED}+" if number > MOST_COUNTED else number
