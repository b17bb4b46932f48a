"""The people of vendors, to read. They are changed, checked and blocked on the pages alone: whoever
says that somebody was called did so in person."""

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from django_filters.rest_framework import FilterSet
from rest_framework import permissions, serializers, viewsets
from rest_framework.request import Request

from access import policy
from access.api.callers import person
from access.api.pages import Pages
from access.api.scopes import InScope
from access.api.serializers import PersonSerializer
from links.models import VendorContact
from links.sponsoring import book
from links.sponsoring.presenters.contacts import ContactLine


class MaySeeVendors(permissions.BasePermission):
    """For others they do not exist."""

    def has_permission(self, request: Request, view: Any) -> bool:  # noqa: ARG002
        if not policy.may_see_vendors(person(request)):
            raise Http404
        return True


class VendorSerializer(serializers.ModelSerializer[VendorContact]):
    kept_by = PersonSerializer()
    checked_by = PersonSerializer(allow_null=True)
    blocked_by = PersonSerializer(allow_null=True)
    check_is_due = serializers.SerializerMethodField(
        help_text="Nobody called them, or too long ago: they must be before the next invitation."
    )
    invited_at = serializers.DateTimeField(
        allow_null=True, help_text="Of the last invitation among the requests that you may see."
    )
    invited = serializers.SerializerMethodField(help_text="Its request; empty where there is none.")
    open = serializers.SerializerMethodField(
        help_text="The request by which something is open for them now, if you may see it."
    )

    class Meta:
        model = VendorContact
        fields = [
            "id",
            "name",
            "company",
            "mail",
            "phone",
            "zone",
            "language",
            "kept_at",
            "kept_by",
            "checked_at",
            "checked_by",
            "check_is_due",
            "blocked_at",
            "blocked_by",
            "blocked_why",
            "invited",
            "invited_at",
            "open",
        ]

    def get_check_is_due(self, contact: VendorContact) -> bool:
        return not self._line(contact).fresh

    def get_invited(self, contact: VendorContact) -> str:
        return self._line(contact).invited

    def get_open(self, contact: VendorContact) -> str:
        return self._line(contact).open

    def _line(self, contact: VendorContact) -> ContactLine:
        return ContactLine(contact, timezone.now())


class VendorFilter(FilterSet):  # type: ignore[misc] # it has no types
    q = django_filters.CharFilter(
        method="like",
        max_length=book.LONGEST_SEARCH,
        label="Each word is found in the name, the company or the mail address.",
    )
    state = django_filters.ChoiceFilter(
        method="within",
        choices=[(each, each) for each in (book.READY, book.DUE, book.BLOCKED)],
        label="Checked lately, to be called before the next invitation, or blocked.",
    )

    class Meta:
        model = VendorContact
        fields: ClassVar = {"company": ["exact", "icontains"], "mail": ["iexact"]}

    def like(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return book.contacts_like(rows, value)

    def within(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return book.contacts_in(rows, value, timezone.now())


class ByCompany(Pages):
    ordering = ("company", "name", "id")


class VendorViewSet(viewsets.ReadOnlyModelViewSet[VendorContact]):
    """The people of vendors: who keeps and checked them, and what is open for them."""

    permission_classes = [InScope, MaySeeVendors]
    serializer_class = VendorSerializer
    pagination_class = ByCompany
    filterset_class = VendorFilter
    queryset = VendorContact.objects.all()
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> QuerySet[VendorContact]:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        return book.contacts_for(person(self.request))
