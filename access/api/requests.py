"""Requests over the API. Each write calls exactly one service."""

from datetime import datetime
from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet
from django.http import Http404
from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from access import policy, services
from access.api.callers import KEY, key_of, person
from access.api.filters import RequestFilter
from access.api.pages import NewestCreated
from access.api.previewing import OutlookSerializer, preview
from access.api.request_serializers import (
    ApproveSerializer,
    ChangeSerializer,
    DenySerializer,
    ExtendSerializer,
    RequestSerializer,
    SubmitSerializer,
)
from access.api.serializers import NothingSerializer
from access.models import AccessRequest, Decision, Scope
from access.models.requests import REFERENCE_PREFIX

REFERENCE = OpenApiParameter(
    "reference", OpenApiTypes.STR, OpenApiParameter.PATH, pattern=rf"{REFERENCE_PREFIX}\d{{6,18}}"
)
CONFIRMED = "confirmed_at"  # in the session: when the person last signed in anew to decide


class RequestViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[AccessRequest]
):
    """Requests that you may see."""

    serializer_class = RequestSerializer
    pagination_class = NewestCreated
    lookup_field = "reference"
    lookup_value_regex = rf"{REFERENCE_PREFIX}\d{{6,18}}"
    # Deciding is named nowhere here: it takes a session of the person's own.
    scopes: ClassVar = dict.fromkeys(
        ("create", "preview", "change", "extend", "withdraw"), Scope.REQUEST.value
    )
    # Roles are asked of the directory anew before these: see ``access.views.who.opens``.
    opens_access = frozenset({"create", "change", "extend", "approve", "deny"})
    filterset_class = RequestFilter

    def get_queryset(self) -> QuerySet[AccessRequest]:
        if getattr(self, "swagger_fake_view", False):  # asked by the schema, by nobody
            return AccessRequest.objects.none()
        rows = policy.visible_requests(person(self.request))
        said = Decision.objects.select_related("by", "on_behalf_of").order_by("pk")
        related = ("requester", "decided_by", "extends")
        return rows.select_related(*related).prefetch_related(
            "doors__machine", Prefetch("decisions", said)
        )

    def get_object(self) -> AccessRequest:
        number = int(self.kwargs["reference"].removeprefix(REFERENCE_PREFIX))
        found = self.get_queryset().filter(pk=number).first()
        if found is None or found.reference != self.kwargs["reference"]:
            raise Http404
        return found

    @extend_schema(request=SubmitSerializer, responses={201: RequestSerializer}, parameters=[KEY])
    def create(self, request: Request) -> Response:
        """Ask for access. Repeating the call with the same key gives the same request."""
        made = services.submit(_submission(request), by=person(request))
        return self._answer(made, status.HTTP_201_CREATED)

    @extend_schema(request=SubmitSerializer, responses=OutlookSerializer)
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """What would become of it: who decides, what is wrong with it, and whether it can work.
        Nothing is kept, and nobody is told."""
        told = preview(_submission(request), person(request))
        return Response(OutlookSerializer(told).data)

    @extend_schema(request=ChangeSerializer, responses=RequestSerializer, parameters=[REFERENCE])
    @action(detail=True, methods=["post"])
    def change(self, request: Request, **_kwargs: str) -> Response:
        """Change your own undecided request. Approvals that were given are dismissed."""
        sent = ChangeSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        values = dict(sent.validated_data)
        revision = values.pop("revision")
        words = services.Words(**values)
        asked = self.get_object()
        return self._answer(services.change(asked, words, by=person(request), revision=revision))

    @extend_schema(
        request=ExtendSerializer,
        responses={201: RequestSerializer},
        parameters=[REFERENCE, KEY],
    )
    @action(detail=True, methods=["post"])
    def extend(self, request: Request, **_kwargs: str) -> Response:
        """Ask for more time: a new request, decided like any other."""
        sent = ExtendSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        key, parent = key_of(request), self.get_object()
        made = services.extend(parent, key=key, by=person(request), **sent.validated_data)
        return self._answer(made, status.HTTP_201_CREATED)

    @extend_schema(request=ApproveSerializer, responses=RequestSerializer, parameters=[REFERENCE])
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, **_kwargs: str) -> Response:
        """Approve exactly the terms of ``terms_digest``, or less of their time. Only in a session
        of the person's own: no token decides anything."""
        sent = ApproveSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        return self._answer(
            services.approve(
                self.get_object(),
                by=person(request),
                confirmed_at=_confirmed_at(request),
                **sent.validated_data,
            )
        )

    @extend_schema(request=DenySerializer, responses=RequestSerializer, parameters=[REFERENCE])
    @action(detail=True, methods=["post"])
    def deny(self, request: Request, **_kwargs: str) -> Response:
        """Deny, with a comment that the requester will read. Only in a session, too."""
        sent = DenySerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        by = person(request)
        return self._answer(services.deny(self.get_object(), by=by, **sent.validated_data))

    @extend_schema(request=NothingSerializer, responses=RequestSerializer, parameters=[REFERENCE])
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, **_kwargs: str) -> Response:
        """Take back your own undecided request."""
        NothingSerializer(data=request.data).is_valid(raise_exception=True)
        return self._answer(services.withdraw(self.get_object(), by=person(request)))

    def _answer(self, found: AccessRequest, code: int = status.HTTP_200_OK) -> Response:
        fresh = self.get_queryset().get(pk=found.pk)
        return Response(RequestSerializer(fresh).data, status=code)


def _submission(request: Request) -> services.Submission:
    sent = SubmitSerializer(data=request.data)
    sent.is_valid(raise_exception=True)
    values = sent.words()
    others = tuple((each["machine_id"], each["port"]) for each in values.pop("others"))
    return services.Submission(submission_key=key_of(request), others=others, **values)


def _confirmed_at(request: Request) -> datetime | None:
    kept: Any = request.session.get(CONFIRMED, "")
    return parse_datetime(kept) if isinstance(kept, str) and kept else None
