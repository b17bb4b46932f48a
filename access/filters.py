"""Filters that live in a page's address."""

from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import CharField, Q, QuerySet, Value
from django.db.models.functions import Concat
from django.utils import timezone

from access.models import AccessRequest, LedgerEntry, Machine, Person
from access.states import RequestState
from access.walltime import YEARS

LONGEST_SEARCH = 100
MOST_NAMED = 1000  # people whose names hold the same part
EARLIEST, LATEST = date(YEARS.start, 1, 1), date(YEARS.stop - 1, 12, 31)
OUTCOMES = [("success", "Success"), ("denied", "Refused"), ("failed", "Failed")]


class LedgerFilter(django_filters.FilterSet):  # type: ignore[misc] # it has no types
    """Every one of them is answered by an index, or narrows what an index found."""

    event = django_filters.CharFilter(label="Event", method="by_event", max_length=64)
    actor = django_filters.CharFilter(label="Actor", method="by_actor", max_length=LONGEST_SEARCH)
    reference = django_filters.CharFilter(label="Request", method="by_reference", max_length=32)
    outcome = django_filters.ChoiceFilter(label="Outcome", choices=OUTCOMES, empty_label="Any")
    since = django_filters.DateFilter(label="From", method="from_day", widget=forms.DateInput)
    until = django_filters.DateFilter(label="To", method="to_day", widget=forms.DateInput)

    class Meta:
        model = LedgerEntry
        fields: ClassVar[list[str]] = []

    def by_event(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        """A whole name, or a family such as ``request.``."""
        value = value.strip()
        if value.endswith("."):
            return rows.filter(event__startswith=value)
        return rows.filter(event=value)

    def by_actor(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        """People by a part of their present name, vendors' people by a part of the name they had,
        parts of the system by their whole name."""
        value = value.strip()
        account = Concat("tenant_id", Value("/"), "object_id", output_field=CharField())
        named = Q(display_name__icontains=value) | Q(account__iexact=value)
        people = Person.objects.annotate(account=account).filter(named).order_by("pk")
        # Asked first: among alternatives a subquery would be asked of every line.
        accounts = people.values_list("account", flat=True)[:MOST_NAMED]
        return rows.filter(
            Q(actor_id__in=[*accounts, value, value.lower()])
            | Q(actor_kind="vendor", actor_name__icontains=value)
        )

    def by_reference(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return rows.filter(reference=value.strip().upper())

    def from_day(self, rows: QuerySet[Any], _name: str, value: date) -> QuerySet[Any]:
        return rows.filter(at__gte=_midnight(value))

    def to_day(self, rows: QuerySet[Any], _name: str, value: date) -> QuerySet[Any]:
        """The named day is included."""
        return rows.filter(at__lt=_midnight(min(value, LATEST) + timedelta(days=1)))


class MineFilter(django_filters.FilterSet):  # type: ignore[misc] # it has no types
    state = django_filters.ChoiceFilter(
        label="State", choices=RequestState.choices, empty_label="All"
    )

    class Meta:
        model = AccessRequest
        fields: ClassVar[list[str]] = []


def machines_like(rows: QuerySet[Machine], typed: str) -> QuerySet[Machine]:
    """Machines of which each typed word is found in a name, owner, environment or place."""
    for word in typed[:LONGEST_SEARCH].split():
        rows = rows.filter(
            Q(name__icontains=word)
            | Q(owner__icontains=word)
            | Q(environment__icontains=word)
            | Q(resource_group__icontains=word)
            | Q(subscription_name__icontains=word)
            | Q(subscription_id__icontains=word)
        )
    return rows


def _midnight(day: date) -> datetime:
    """Of a day that can be reckoned with, in any zone: all there is lies between."""
    within = min(max(day, EARLIEST), LATEST)
    return timezone.make_aware(datetime.combine(within, time.min))
