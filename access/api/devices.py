"""Signing a program in that has no browser (RFC 8628 in shape), for whoever asks."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.api.serializers import Strict
from access.api.throttles import DevicePolls, Devices
from access.models import Scope
from access.origin import address_of
from access.services import devices as service


class AskSerializer(Strict):
    client = serializers.CharField(
        max_length=service.CLIENT_LIMIT, help_text="What the program calls itself, and where."
    )
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices),
        required=False,
        default=list(service.USUAL_SCOPES),
        min_length=1,
        max_length=len(Scope),
    )


class AskedSerializer(serializers.Serializer[Any]):
    device_code = serializers.CharField(help_text="For the program alone: never show it.")
    user_code = serializers.CharField(help_text="For the person to type, such as WDJB-MJHT.")
    verification_uri = serializers.URLField()
    verification_uri_complete = serializers.URLField(help_text="With the code in it.")
    expires_in = serializers.IntegerField(help_text="Seconds.")
    interval = serializers.IntegerField(help_text="Seconds between two questions, at least.")


class FetchSerializer(Strict):
    device_code = serializers.CharField(max_length=128)


class TokenSecretSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(help_text="Given once. Keep it as you keep a password.")
    token_type = serializers.CharField()
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    expires_at = serializers.DateTimeField()


class Open(APIView):
    """For who is not signed in yet; a session or a token changes nothing."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class DeviceView(Open):
    throttle_classes = (Devices,)

    @extend_schema(
        operation_id="device_create",
        auth=[],
        request=AskSerializer,
        responses={200: AskedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Begin. Show the person the code and the address, then ask for the token until it is
        there, was refused or the time is over."""
        sent = AskSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        asked = service.ask(**sent.validated_data, address=address_of(request))
        page = request.build_absolute_uri("/device/")
        told = {
            "device_code": asked.device_code,
            "user_code": asked.user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?code={asked.user_code}",
            "expires_in": int(service.LASTS.total_seconds()),
            "interval": service.INTERVAL,
        }
        return Response(AskedSerializer(told).data)


class DeviceTokenView(Open):
    throttle_classes = (DevicePolls,)

    @extend_schema(
        operation_id="device_token_create",
        auth=[],
        request=FetchSerializer,
        responses={200: TokenSecretSerializer},
    )
    def post(self, request: Request) -> Response:
        """Ask for the token. Until there is one it is a 400 whose ``type`` ends in
        ``authorization-pending``, ``slow-down``, ``access-denied`` or ``expired-token``."""
        sent = FetchSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        made = service.fetch(sent.validated_data["device_code"])
        told = {
            "token": made.secret,
            "token_type": "Bearer",
            "name": made.token.name,
            "scopes": made.token.scopes,
            "expires_at": made.token.expires_at,
        }
        return Response(TokenSecretSerializer(told).data, status=status.HTTP_200_OK)
