"""The API's endpoints. Each write calls exactly one service."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, permissions, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from access import policy, services
from access.api.callers import person
from access.api.pages import ByName, LedgerPages
from access.api.serializers import (
    EndSerializer,
    GrantSerializer,
    LedgerSerializer,
    MachineSerializer,
)
from access.models import Grant, LedgerEntry, Machine


class MayReadLedger(permissions.BasePermission):
    """For others the ledger does not exist."""

    def has_permission(self, request: Request, view: Any) -> bool:  # noqa: ARG002
        if not policy.may_read_ledger(person(request)):
            raise Http404
        return True


class MachineViewSet(viewsets.ReadOnlyModelViewSet[Machine]):
    """Machines, and what can be asked for on each."""

    serializer_class = MachineSerializer
    pagination_class = ByName
    filterset_fields = {
        "name": ["exact", "icontains"],
        "environment": ["exact"],
        "owner": ["exact"],
        "os": ["exact"],
        "subscription_id": ["exact"],
        "resource_group": ["exact"],
    }

    def get_queryset(self) -> QuerySet[Machine]:
        rows = Machine.objects.select_related("bastion__link_host", "outside")
        return rows.prefetch_related("jit_ports")


class GrantViewSet(viewsets.ReadOnlyModelViewSet[Grant]):
    """What is open, will be or was, as far as you may see."""

    serializer_class = GrantSerializer
    filterset_fields = {"state": ["exact", "in"], "kind": ["exact"], "machine": ["exact"]}

    def get_queryset(self) -> QuerySet[Grant]:
        if getattr(self, "swagger_fake_view", False):
            return Grant.objects.none()
        rows = policy.visible_grants(person(self.request))
        return rows.select_related(
            "machine__bastion",
            "access_request__requester",
            "access_request__decided_by",
            "end_order",
        )

    @extend_schema(request=EndSerializer, responses=GrantSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, **_kwargs: str) -> Response:
        """End it before its time. Safe to repeat. Whose access it is not must give a reason."""
        sent = EndSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        grant = self.get_object()
        services.end(grant, by=person(request), **sent.validated_data)
        fresh = self.get_queryset().get(pk=grant.pk)
        return Response(self.get_serializer(fresh).data)


class LedgerViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[LedgerEntry]):
    """The ledger, newest first. For administrators and auditors."""

    permission_classes = [permissions.IsAuthenticated, MayReadLedger]
    serializer_class = LedgerSerializer
    pagination_class = LedgerPages
    queryset = LedgerEntry.objects.all()
    filterset_fields = {
        "event": ["exact"],
        "outcome": ["exact"],
        "reference": ["exact"],
        "actor_id": ["exact"],
        "at": ["gte", "lt"],
        "seq": ["gt", "lt"],
    }
