"""The API's endpoints. Each write calls exactly one service."""

import uuid
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, permissions, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from access import policy, services
from access.api.pages import ByName, LedgerPages, NewestCreated
from access.api.serializers import (
    DecideSerializer,
    EndSerializer,
    GrantSerializer,
    LedgerSerializer,
    MachineSerializer,
    NothingSerializer,
    RequestSerializer,
    SubmitSerializer,
)
from access.models import AccessRequest, Grant, LedgerEntry, Machine, Person
from access.models.requests import REFERENCE_PREFIX

KEY_HEADER = "Idempotency-Key"
REFERENCE = OpenApiParameter(
    "reference", OpenApiTypes.STR, OpenApiParameter.PATH, pattern=rf"{REFERENCE_PREFIX}\d{{6,18}}"
)


class MayReadLedger(permissions.BasePermission):
    """For others the ledger does not exist."""

    def has_permission(self, request: Request, view: Any) -> bool:  # noqa: ARG002
        if not policy.may_read_ledger(person(request)):
            raise Http404
        return True


def person(request: Request) -> Person:
    """The signed-in person; the permission classes let nobody else through."""
    if not isinstance(request.user, Person):
        raise Http404
    return request.user


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


class RequestViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[AccessRequest]
):
    """Requests that you may see."""

    serializer_class = RequestSerializer
    pagination_class = NewestCreated
    lookup_field = "reference"
    lookup_value_regex = rf"{REFERENCE_PREFIX}\d{{6,18}}"
    filterset_fields = {"state": ["exact"], "kind": ["exact"]}

    def get_queryset(self) -> QuerySet[AccessRequest]:
        if getattr(self, "swagger_fake_view", False):  # asked by the schema, by nobody
            return AccessRequest.objects.none()
        rows = policy.visible_requests(person(self.request))
        return rows.select_related("requester", "decided_by").prefetch_related("doors__machine")

    def get_object(self) -> AccessRequest:
        number = int(self.kwargs["reference"].removeprefix(REFERENCE_PREFIX))
        found = self.get_queryset().filter(pk=number).first()
        if found is None or found.reference != self.kwargs["reference"]:
            raise Http404
        return found

    @extend_schema(
        request=SubmitSerializer,
        responses={201: RequestSerializer},
        parameters=[OpenApiParameter(KEY_HEADER, OpenApiTypes.UUID, OpenApiParameter.HEADER)],
    )
    def create(self, request: Request) -> Response:
        """Ask for access. Repeating the call with the same key gives the same request."""
        sent = SubmitSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        submission = services.Submission(submission_key=_key(request), **sent.validated_data)
        made = services.submit(submission, by=person(request))
        return self._answer(made, status.HTTP_201_CREATED)

    @extend_schema(request=DecideSerializer, responses=RequestSerializer, parameters=[REFERENCE])
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, **_kwargs: str) -> Response:
        """Approve exactly the terms of ``terms_digest``."""
        return self._decide(request, services.approve)

    @extend_schema(request=DecideSerializer, responses=RequestSerializer, parameters=[REFERENCE])
    @action(detail=True, methods=["post"])
    def deny(self, request: Request, **_kwargs: str) -> Response:
        """Deny, with a comment that the requester will read."""
        return self._decide(request, services.deny)

    @extend_schema(request=NothingSerializer, responses=RequestSerializer, parameters=[REFERENCE])
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, **_kwargs: str) -> Response:
        """Take back your own undecided request."""
        NothingSerializer(data=request.data).is_valid(raise_exception=True)
        return self._answer(services.withdraw(self.get_object(), by=person(request)))

    def _decide(self, request: Request, service: Any) -> Response:
        sent = DecideSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        return self._answer(service(self.get_object(), by=person(request), **sent.validated_data))

    def _answer(self, found: AccessRequest, code: int = status.HTTP_200_OK) -> Response:
        fresh = self.get_queryset().get(pk=found.pk)
        return Response(RequestSerializer(fresh).data, status=code)


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
        """End it before its time. Safe to repeat."""
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


def _key(request: Request) -> uuid.UUID:
    raw = request.headers.get(KEY_HEADER)
    if raw is None:
        return uuid.uuid4()
    try:
        return uuid.UUID(raw)
    except ValueError as error:
        raise ValidationError({KEY_HEADER: ["It must be a UUID."]}) from error
