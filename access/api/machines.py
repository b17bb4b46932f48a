"""Machines over the API."""

from django.db.models import QuerySet
from rest_framework import viewsets

from access.api.filters import MachineFilter
from access.api.pages import ByName
from access.api.serializers import MachineSerializer
from access.models import Machine
from access.offers import with_offers


class MachineViewSet(viewsets.ReadOnlyModelViewSet[Machine]):
    """Machines, and what can be asked for on each."""

    serializer_class = MachineSerializer
    pagination_class = ByName
    filterset_class = MachineFilter

    def get_queryset(self) -> QuerySet[Machine]:
        return with_offers(Machine.objects.all())
