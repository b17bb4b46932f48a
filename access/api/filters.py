"""Filters of lists. What no filter is called is refused: a typing mistake must not show, or export,
more than was meant."""

from collections.abc import Iterable
from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from access import policy
from access.api.callers import person
from access.api.moments import MomentField
from access.filters import LONGEST_SEARCH, machines_like
from access.models import (
    AccessRequest,
    Grant,
    LedgerEntry,
    LiveSession,
    Machine,
    RequestedDoor,
)
from access.models.requests import REFERENCE_PREFIX
from access.states import GrantState, RequestState

BIGGEST = 2**63 - 1
OF_PAGES = frozenset({"cursor", "page_size"})


class KnownFilters(DjangoFilterBackend):  # type: ignore[misc] # it has no types
    """For lists. One thing at its own address is not filtered."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        if getattr(view, "action", "list") != "list":
            return queryset
        filters = getattr(self.get_filterset_class(view, queryset), "base_filters", {})
        pages = OF_PAGES if getattr(view, "pagination_class", None) else frozenset()
        check_known(request, {*filters, *pages})
        return super().filter_queryset(request, queryset, view)


def check_known(request: Request, known: Iterable[str]) -> None:
    """Raises ``ValidationError`` that names what is not known, and what is."""
    unknown = sorted(set(request.query_params) - set(known))
    if unknown:
        text = f"Unknown parameter. There are: {', '.join(sorted(known))}."
        raise ValidationError({name: [text] for name in unknown})


class MomentFormField(forms.CharField):
    """As callers send moments elsewhere: without a zone, of the wall in their own."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            return MomentField().run_validation(text)
        except serializers.ValidationError as problem:
            raise forms.ValidationError([str(each) for each in problem.detail]) from problem


class MomentFilter(django_filters.IsoDateTimeFilter):  # type: ignore[misc] # it has no types
    field_class = MomentFormField


class IdFilter(django_filters.NumberFilter):  # type: ignore[misc] # it has no types
    """A row's number: a whole one, that the database can hold."""

    field_class = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, min_value=0, max_value=BIGGEST, **kwargs)

    def get_max_validator(self) -> None:
        return None


class ChoicesFilter(django_filters.BaseInFilter, django_filters.ChoiceFilter):  # type: ignore[misc]
    """Several, with commas between."""


class MineFilter(django_filters.BooleanFilter):  # type: ignore[misc] # it has no types
    """``field_name``: the way to the person whose it is."""

    def filter(self, qs: QuerySet[Any], value: bool | None) -> QuerySet[Any]:  # noqa: FBT001
        if value is None:
            return qs
        mine = Q(**{self.field_name: person(self.parent.request)})
        return qs.filter(mine) if value else qs.exclude(mine)


class RequestFilter(FilterSet):  # type: ignore[misc] # it has no types
    state = django_filters.ChoiceFilter(choices=RequestState.choices)
    state__in = ChoicesFilter(field_name="state", choices=RequestState.choices)
    kind = django_filters.CharFilter(max_length=32)
    mine = MineFilter(field_name="requester", label="That you asked for, or not.")
    waiting = django_filters.BooleanFilter(method="for_me", label="For your decision, or not.")
    machine = IdFilter(method="on_machine", label="The number of a machine that it names.")
    created_at__gte = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_at__lt = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = AccessRequest
        fields: ClassVar[list[str]] = []

    def for_me(self, rows: QuerySet[Any], _name: str, value: bool) -> QuerySet[Any]:  # noqa: FBT001
        waiting = Q(pk__in=policy.waiting_for(person(self.request)).order_by().values("pk"))
        return rows.filter(waiting) if value else rows.exclude(waiting)

    def on_machine(self, rows: QuerySet[Any], _name: str, value: int) -> QuerySet[Any]:
        doors = RequestedDoor.objects.filter(machine_id=value)
        return rows.filter(pk__in=doors.values("access_request"))


class GrantFilter(FilterSet):  # type: ignore[misc] # it has no types
    state = django_filters.ChoiceFilter(choices=GrantState.choices)
    state__in = ChoicesFilter(field_name="state", choices=GrantState.choices)
    kind = django_filters.CharFilter(max_length=32)
    mine = MineFilter(field_name="access_request__requester", label="Given to you, or not.")
    machine = IdFilter(field_name="machine_id")
    reference = django_filters.CharFilter(method="of_request", max_length=32)
    starts_at__gte = MomentFilter(field_name="starts_at", lookup_expr="gte")
    starts_at__lt = MomentFilter(field_name="starts_at", lookup_expr="lt")
    ends_at__gte = MomentFilter(field_name="ends_at", lookup_expr="gte")
    ends_at__lt = MomentFilter(field_name="ends_at", lookup_expr="lt")

    class Meta:
        model = Grant
        fields: ClassVar[list[str]] = []

    def of_request(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        number = value.strip().upper().removeprefix(REFERENCE_PREFIX)
        if not number.isdecimal() or int(number) > BIGGEST:
            return rows.none()
        return rows.filter(access_request_id=int(number))


class MachineFilter(FilterSet):  # type: ignore[misc] # it has no types
    q = django_filters.CharFilter(
        method="like",
        max_length=LONGEST_SEARCH,
        label="Each word is found in a name, owner, environment or place.",
    )

    class Meta:
        model = Machine
        fields: ClassVar = {
            "name": ["exact", "icontains"],
            "environment": ["exact"],
            "owner": ["exact"],
            "os": ["exact"],
            "region": ["exact"],
            "subscription_id": ["exact"],
            "resource_group": ["exact"],
        }

    def like(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return machines_like(rows, value)


class SessionFilter(FilterSet):  # type: ignore[misc] # it has no types
    live = django_filters.BooleanFilter(
        field_name="ended_at", lookup_expr="isnull", label="Connected as far as is known."
    )
    machine = IdFilter(field_name="machine_id")
    host = IdFilter(field_name="host_id")
    protocol = django_filters.CharFilter(max_length=16)
    started_at__gte = MomentFilter(field_name="started_at", lookup_expr="gte")
    started_at__lt = MomentFilter(field_name="started_at", lookup_expr="lt")

    class Meta:
        model = LiveSession
        fields: ClassVar[list[str]] = []


class LedgerFilter(FilterSet):  # type: ignore[misc] # it has no types
    event = django_filters.CharFilter(max_length=64)
    event__startswith = django_filters.CharFilter(
        field_name="event", lookup_expr="startswith", max_length=64, label="Such as request."
    )
    outcome = django_filters.ChoiceFilter(
        choices=[(name, name) for name in ("success", "denied", "failed")]
    )
    reference = django_filters.CharFilter(max_length=32)
    actor_id = django_filters.CharFilter(max_length=128)
    at__gte = MomentFilter(field_name="at", lookup_expr="gte")
    at__lt = MomentFilter(field_name="at", lookup_expr="lt")
    seq__gt = IdFilter(field_name="seq", lookup_expr="gt")
    seq__lt = IdFilter(field_name="seq", lookup_expr="lt")

    class Meta:
        model = LedgerEntry
        fields: ClassVar[list[str]] = []
