"""The numbers of the capacity page as JSON."""

from typing import Any, ClassVar

from django.conf import settings
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import permissions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access import policy
from access.api.callers import person
from access.api.scopes import InScope
from access.models import Scope
from portal.azure.checks.skus import LINKS_PER_HOST
from portal.capacity import hosts
from portal.capacity.chart import PERIODS
from portal.capacity.hosts import HostLine
from portal.capacity.steps import Step

USUAL = "7d"


class MaySeeCapacity(permissions.BasePermission):
    """For others it does not exist."""

    def has_permission(self, request: Request, view: Any) -> bool:  # noqa: ARG002
        if not policy.may_see_capacity(person(request)):
            raise Http404
        return True


class QuestionSerializer(serializers.Serializer[Any]):
    period = serializers.ChoiceField(choices=list(PERIODS), default=USUAL)


class MomentSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField(allow_null=True, help_text="Null where there was nobody.")
    rdp = serializers.IntegerField()
    ssh = serializers.IntegerField()
    units = serializers.IntegerField(help_text="Scale units for so many at once.")


class HostCapacitySerializer(serializers.Serializer[Any]):
    host_id = serializers.IntegerField()
    host = serializers.CharField()
    resource_id = serializers.CharField()
    sku = serializers.CharField()
    scale_units = serializers.IntegerField(help_text="That can be counted on: 0 on a shared host.")
    carries_rdp = serializers.IntegerField()
    carries_ssh = serializers.IntegerField()
    now = MomentSerializer()
    peak_sessions = MomentSerializer()
    peak_sessions_units = serializers.IntegerField(help_text="At the moment that took most room.")
    peak_grants = MomentSerializer()
    worst_ahead = MomentSerializer(help_text="Of the next 7 days, by what is granted.")
    units_needed = serializers.IntegerField()
    verdict = serializers.CharField()
    sentence = serializers.CharField(help_text="Empty where it fits.")
    remedy = serializers.CharField(help_text="A command, where one helps.")
    links = serializers.IntegerField()
    most_links = serializers.IntegerField()
    month = serializers.DecimalField(
        max_digits=14, decimal_places=2, allow_null=True, help_text="By the prices entered here."
    )


class CapacitySerializer(serializers.Serializer[Any]):
    period = serializers.CharField()
    currency = serializers.CharField(help_text="Empty where no prices were entered.")
    month = serializers.DecimalField(max_digits=14, decimal_places=2, allow_null=True)
    hosts = HostCapacitySerializer(many=True)


class Capacity(APIView):
    """How full each Bastion host is, was and will be."""

    permission_classes = [InScope, MaySeeCapacity]
    scopes: ClassVar = {"get": Scope.READ.value}

    @extend_schema(
        operation_id="capacity_retrieve",
        parameters=[OpenApiParameter("period", enum=list(PERIODS), default=USUAL)],
        responses=CapacitySerializer,
    )
    def get(self, request: Request) -> Response:
        """How full each Bastion host is, was and will be. What does not fit comes first."""
        asked = QuestionSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        period, now = PERIODS[asked.validated_data["period"]], timezone.now()
        prices = settings.BASTION_PRICES
        lines = hosts.lines(now, now - period.length, prices)
        told = {
            "period": period.name,
            "currency": prices.currency if prices else "",
            "month": hosts.total(lines),
            "hosts": [_told(line) for line in lines],
        }
        return Response(CapacitySerializer(told).data)


def _told(line: HostLine) -> dict[str, Any]:
    carries_rdp, carries_ssh = line.carries
    return {
        "host_id": line.host.pk,
        "host": line.host.name,
        "resource_id": line.host.resource_id,
        "sku": line.host.sku,
        "scale_units": line.units,
        "carries_rdp": carries_rdp,
        "carries_ssh": carries_ssh,
        "now": _moment(line.now),
        "peak_sessions": _moment(line.sessions.most),
        "peak_sessions_units": line.sessions.units,
        "peak_grants": _moment(line.grants.most),
        "worst_ahead": _moment(line.worst),
        "units_needed": line.needed,
        "verdict": line.status.text,
        "sentence": line.sentence if line.too_small else "",
        "remedy": line.check.remedy if line.too_small else "",
        "links": line.links,
        "most_links": LINKS_PER_HOST,
        "month": line.month,
    }


def _moment(step: Step) -> dict[str, Any]:
    at = step.at if step.count else None
    return {"at": at, "rdp": step.rdp, "ssh": step.ssh, "units": step.units}
