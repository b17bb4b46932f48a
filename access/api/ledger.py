"""The ledger over the API."""

from typing import Any

from django.http import Http404
from rest_framework import mixins, permissions, viewsets
from rest_framework.request import Request

from access import policy
from access.api.callers import person
from access.api.filters import LedgerFilter
from access.api.pages import LedgerPages
from access.api.scopes import InScope
from access.api.serializers import LedgerSerializer
from access.models import LedgerEntry


class MayReadLedger(permissions.BasePermission):
    """For others the ledger does not exist."""

    def has_permission(self, request: Request, view: Any) -> bool:  # noqa: ARG002
        if not policy.may_read_ledger(person(request)):
            raise Http404
        return True


class LedgerViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[LedgerEntry]):
    """The ledger, newest first. For administrators and auditors."""

    permission_classes = [InScope, MayReadLedger]
    serializer_class = LedgerSerializer
    pagination_class = LedgerPages
    queryset = LedgerEntry.objects.all()
    filterset_class = LedgerFilter
