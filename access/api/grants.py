"""What is open, will be or was, over the API."""

from typing import ClassVar

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from access import policy, services
from access.api.callers import person
from access.api.connecting import WaysInSerializer, WishesSerializer, ways_in
from access.api.filters import GrantFilter
from access.api.serializers import EndSerializer, GrantSerializer
from access.models import Grant, Scope


class GrantViewSet(viewsets.ReadOnlyModelViewSet[Grant]):
    """What is open, will be or was, as far as you may see."""

    serializer_class = GrantSerializer
    scopes: ClassVar = {"end": Scope.REQUEST.value}
    filterset_class = GrantFilter

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

    @extend_schema(parameters=[WishesSerializer], responses=WaysInSerializer, filters=False)
    @action(detail=True, pagination_class=None)
    def connect(self, request: Request, **_kwargs: str) -> Response:
        """How you get in while it is open; for nobody but whom it was given to."""
        asked = WishesSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        grant, viewer = self.get_object(), person(request)
        if not policy.may_connect(grant, viewer):
            raise Http404
        return Response(WaysInSerializer(ways_in(grant, viewer, asked.wishes())).data)

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
