"""What the API shows and takes. Fields are listed by name; unknown ones are refused."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from access.kinds import Wishes, all_kinds
from access.models import Grant, LedgerEntry, Machine, Person, RequestedDoor
from access.offers import offers_for
from access.presenters.connect import commands_of


class Strict(serializers.Serializer[Any]):
    """A serializer for what is sent to us: a field that it does not know is an error."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                raise serializers.ValidationError({name: ["Unknown field."] for name in unknown})
        return super().to_internal_value(data)


class PersonSerializer(serializers.ModelSerializer[Person]):
    class Meta:
        model = Person
        fields = ["id", "display_name"]


class OfferSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    port = serializers.IntegerField()
    max_minutes = serializers.IntegerField()
    refusal = serializers.CharField(help_text="Empty, or why it cannot be asked for.")
    caveat = serializers.CharField(
        help_text="Empty, or what to know before relying on it: that Azure does not enforce it."
    )


class MachineSerializer(serializers.ModelSerializer[Machine]):
    bastion = serializers.CharField(source="bastion.name", default=None, allow_null=True)
    offers = serializers.SerializerMethodField()

    class Meta:
        model = Machine
        fields = [
            "id",
            "name",
            "resource_id",
            "vm_id",
            "subscription_id",
            "subscription_name",
            "resource_group",
            "region",
            "os",
            "environment",
            "owner",
            "bastion",
            "offers",
        ]

    def get_offers(self, machine: Machine) -> list[dict[str, Any]]:
        kinds = all_kinds()
        told = [
            {**vars(offer), "caveat": kinds[offer.kind].caveat(machine, offer.port)}
            for offer in offers_for(machine)
        ]
        return [dict(OfferSerializer(each).data) for each in told]


class DoorSerializer(serializers.ModelSerializer[RequestedDoor]):
    machine = serializers.CharField(source="machine.name")
    machine_id = serializers.IntegerField()
    port = serializers.IntegerField()  # said here, because its bounds differ between databases

    class Meta:
        model = RequestedDoor
        fields = ["machine_id", "machine", "kind", "port"]


class ConnectSerializer(serializers.Serializer[Any]):
    title = serializers.CharField()
    group = serializers.CharField(help_text="What it is good for; steps of one need share it.")
    text = serializers.CharField(help_text="To paste into a shell, to save and run, or to open.")


class GrantSerializer(serializers.ModelSerializer[Grant]):
    reference = serializers.CharField(source="access_request.reference")
    requester = PersonSerializer(source="access_request.requester")
    approved_by = PersonSerializer(source="access_request.decided_by")
    machine = serializers.CharField(source="machine.name")
    port = serializers.IntegerField()
    end_ordered = serializers.SerializerMethodField()
    connect = serializers.SerializerMethodField(
        help_text="How to get in, the recommended way first: for its requester, while it is open."
    )

    class Meta:
        model = Grant
        fields = [
            "id",
            "reference",
            "requester",
            "approved_by",
            "machine_id",
            "machine",
            "kind",
            "port",
            "state",
            "starts_at",
            "ends_at",
            "opened_at",
            "due_at",
            "finish_by",
            "shut_at",
            "closed_at",
            "close_reason",
            "outstanding",
            "problem",
            "end_ordered",
            "connect",
        ]

    def get_end_ordered(self, grant: Grant) -> bool:
        return hasattr(grant, "end_order")

    @extend_schema_field(ConnectSerializer(many=True))
    def get_connect(self, grant: Grant) -> list[dict[str, Any]]:
        viewer = self.context["request"].user
        commands = commands_of(grant, viewer, Wishes())
        return [dict(ConnectSerializer(command).data) for command in commands]


class EndSerializer(Strict):
    reason = serializers.CharField(max_length=1000, required=False, default="", allow_blank=True)


class NothingSerializer(Strict):
    """An empty body."""


class LedgerSerializer(serializers.ModelSerializer[LedgerEntry]):
    class Meta:
        model = LedgerEntry
        fields = [
            "seq",
            "at",
            "event",
            "outcome",
            "actor_kind",
            "actor_id",
            "actor_name",
            "reference",
            "subject",
            "data",
            "prev_hash",
            "hash",
        ]
