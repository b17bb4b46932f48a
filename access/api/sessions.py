"""Live sessions, and having one disconnected."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from access import policy, services
from access.api.callers import person
from access.api.filters import SessionFilter
from access.api.serializers import PersonSerializer, Strict
from access.models import Grant, LiveSession, Scope
from access.sessions.covering import covering


class MayBeSerializer(serializers.Serializer[Any]):
    reference = serializers.CharField(source="access_request.reference")
    requester = PersonSerializer(source="access_request.requester")


class SessionSerializer(serializers.ModelSerializer[LiveSession]):
    host = serializers.CharField(source="host.name")
    machine = serializers.CharField(source="machine.name", default=None, allow_null=True)
    may_be = serializers.SerializerMethodField(
        help_text="Requests whose access it may be, of those that you may see."
    )
    unexplained = serializers.SerializerMethodField(
        help_text="Nobody had access to this machine and protocol when it began."
    )
    disconnect_ordered = serializers.SerializerMethodField()
    next_try_at = serializers.DateTimeField(source="not_before", allow_null=True)

    class Meta:
        model = LiveSession
        fields = [
            "id",
            "host_id",
            "host",
            "machine_id",
            "machine",
            "target",
            "address",
            "user_name",
            "protocol",
            "may_be",
            "unexplained",
            "started_at",
            "first_seen_at",
            "last_seen_at",
            "ended_at",
            "disconnect_ordered",
            "problem",
            "next_try_at",
        ]

    @extend_schema_field(MayBeSerializer(many=True))
    def get_may_be(self, session: LiveSession) -> list[dict[str, Any]]:
        grants = self._covering(session)
        viewer = self.context["viewer"]
        shown = [g for g in grants if policy.may_see_grant(g, viewer)]
        return [dict(MayBeSerializer(grant).data) for grant in shown]

    def get_unexplained(self, session: LiveSession) -> bool:
        return not self._covering(session)

    def get_disconnect_ordered(self, session: LiveSession) -> bool:
        return hasattr(session, "disconnect_order")

    def _covering(self, session: LiveSession) -> list[Grant]:
        """By session, for the whole page at once."""
        covering: dict[int, list[Grant]] = self.context["covering"]
        return covering[session.pk]


class DisconnectSerializer(Strict):
    reason = serializers.CharField(max_length=1000)


class SessionViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[LiveSession]
):
    """Who is connected as workers last read it, and for overseers also who was."""

    serializer_class = SessionSerializer
    filterset_class = SessionFilter
    scopes: ClassVar = {"disconnect": Scope.REQUEST.value}

    def get_queryset(self) -> QuerySet[LiveSession]:
        if getattr(self, "swagger_fake_view", False):
            return LiveSession.objects.none()
        rows = policy.visible_sessions(person(self.request))
        return rows.select_related("host", "machine", "disconnect_order")

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """What is shown is explained at once for the whole page."""
        shown = args[0] if args else []
        rows = shown if kwargs.get("many") else [shown]
        found = covering([row for row in rows if isinstance(row, LiveSession)])
        context = {**self.get_serializer_context(), "covering": found}
        return super().get_serializer(*args, **{**kwargs, "context": context})

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "viewer": self.request.user}

    @extend_schema(request=DisconnectSerializer, responses=SessionSerializer)
    @action(detail=True, methods=["post"])
    def disconnect(self, request: Request, **_kwargs: str) -> Response:
        """Order that it be disconnected; workers carry it out. Safe to repeat."""
        sent = DisconnectSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        session = self.get_object()
        services.disconnect(session, by=person(request), **sent.validated_data)
        return Response(self.get_serializer(self.get_queryset().get(pk=session.pk)).data)
