"""The policy's versions, to read. Proposing and putting in force are done on the pages alone:
whoever decides has looked at the difference there, as somebody and with no token."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from rest_framework import permissions, serializers, viewsets
from rest_framework.request import Request

from access import policy
from access.api.callers import person
from access.api.pages import Pages
from access.api.scopes import InScope
from access.api.serializers import PersonSerializer
from access.models import PolicyVersion


class MaySeePolicies(permissions.BasePermission):
    """For others they do not exist."""

    def has_permission(self, request: Request, view: Any) -> bool:  # noqa: ARG002
        if not policy.may_see_policies(person(request)):
            raise Http404
        return True


class PolicyLineSerializer(serializers.ModelSerializer[PolicyVersion]):
    number = serializers.IntegerField()  # said here: its bounds differ between databases
    based_on = serializers.IntegerField(help_text="In force when it was proposed; 0: built-in.")
    proposed_by = PersonSerializer(allow_null=True)
    decided_by = PersonSerializer(allow_null=True)

    class Meta:
        model = PolicyVersion
        fields = [
            "number",
            "state",
            "note",
            "digest",
            "based_on",
            "proposed_by",
            "proposed_at",
            "decided_by",
            "decided_at",
            "comment",
            "retired_at",
        ]


class PolicySerializer(PolicyLineSerializer):
    source = serializers.CharField(  # type: ignore[assignment] # a field of ours, not DRF's own
        help_text="YAML, as it was written."
    )
    document = serializers.JSONField(help_text="The same in canonical form; the digest is of this.")

    class Meta(PolicyLineSerializer.Meta):
        fields = [*PolicyLineSerializer.Meta.fields, "source", "document"]


class NewestNumbers(Pages):
    ordering = "-number"


class PolicyViewSet(viewsets.ReadOnlyModelViewSet[PolicyVersion]):
    """The policy's versions, the newest first; one with its text. For administrators and auditors.
    They are proposed and put in force on the pages only."""

    permission_classes = [InScope, MaySeePolicies]
    pagination_class = NewestNumbers
    lookup_field = "number"
    lookup_value_regex = r"[1-9]\d{0,8}"
    filterset_fields = {"state": ["exact"]}
    queryset = PolicyVersion.objects.all()

    def get_serializer_class(self) -> type[PolicyLineSerializer]:
        return PolicySerializer if self.action == "retrieve" else PolicyLineSerializer

    def get_queryset(self) -> QuerySet[PolicyVersion]:
        rows = super().get_queryset().select_related("proposed_by", "decided_by")
        return rows if self.action == "retrieve" else rows.defer("source", "document")
