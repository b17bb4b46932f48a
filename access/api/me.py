"""Who calls, as whom, and the personal tokens that there are."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access import policy
from access.api.callers import person
from access.api.pages import NewestCreated
from access.api.serializers import PersonSerializer
from access.api.tokens import TokenKey, key_of
from access.models import ApiToken, Role, Scope
from access.services import tokens as service


class KeySerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    expires_at = serializers.DateTimeField()


class MeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    mail = serializers.CharField(allow_blank=True)
    identity = serializers.CharField(help_text="tenant/object: what policies and the ledger say.")
    roles = serializers.ListField(child=serializers.ChoiceField(choices=Role.choices))
    zone = serializers.CharField(help_text="IANA time zone, for times that are sent without one.")
    how = serializers.ChoiceField(choices=["session", "token", "application"])
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices),
        help_text="Of the token. Empty in a session, which reaches as far as the person.",
    )
    token = KeySerializer(allow_null=True)


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    owner = PersonSerializer(source="person")
    scopes = serializers.ListField(child=serializers.CharField())
    revoked_by = PersonSerializer(allow_null=True)

    class Meta:
        model = ApiToken
        fields = [
            "id",
            "owner",
            "name",
            "prefix",
            "scopes",
            "by_device",
            "created_at",
            "expires_at",
            "last_used_at",
            "last_used_from",
            "revoked_at",
            "revoked_by",
        ]


class Me(APIView):
    scopes: ClassVar = {"get": Scope.READ.value}

    @extend_schema(operation_id="me_retrieve", responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """Who you are here, and what you called with."""
        mine, key = person(request), key_of(request)
        told = {
            "name": mine.display_name,
            "mail": mine.mail,
            "identity": mine.identity,
            "roles": [role.value for role in Role if role.value in policy.roles_of(mine)],
            "zone": mine.zone,
            "how": _how(request),
            "scopes": service.in_order(key.scopes) if key is not None else [],
            "token": key if isinstance(key, TokenKey) else None,
        }
        return Response(MeSerializer(told).data)


class TokenViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[ApiToken]
):
    """Personal tokens: your own, and everybody's for administrators and auditors. They are made in
    My settings, or by a device sign-in; no token makes another."""

    serializer_class = TokenSerializer
    pagination_class = NewestCreated
    lookup_value_regex = r"[1-9]\d{0,17}"
    # One that only reads may end itself, too.
    scopes: ClassVar = {"destroy": Scope.REQUEST.value, "current": Scope.READ.value}

    def get_queryset(self) -> QuerySet[ApiToken]:
        if getattr(self, "swagger_fake_view", False):
            return ApiToken.objects.none()
        rows = policy.visible_tokens(person(self.request))
        return rows.select_related("person", "revoked_by")

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, **_kwargs: str) -> Response:
        """Revoke one of your own, or anybody's as an administrator. Safe to repeat."""
        service.revoke(self.get_object(), by=person(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(operation_id="tokens_current_destroy", responses={204: None})
    @action(detail=False, methods=["delete"])
    def current(self, request: Request) -> Response:
        """Revoke the token that you call with: what signing out does."""
        if not isinstance(request.auth, TokenKey):
            raise NotFound
        service.revoke(request.auth.token, by=person(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _how(request: Request) -> str:
    if request.auth is None:
        return "session"
    return "application" if person(request).is_application else "token"
