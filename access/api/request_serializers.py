"""Requests as the API shows and takes them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from access.api.moments import MomentField
from access.api.serializers import DoorSerializer, PersonSerializer, Strict
from access.kinds import all_kinds
from access.models import AccessRequest, Decision
from access.rules.words import stage_words
from access.services.submission import MOST_MACHINES

BIGGEST = 2**63 - 1
SENT = "sent"  # by which a repeated call is recognised; it tells nobody anything
TOLD = ("phone", "checked", "alias", "credentials", "zone", "language", "sources")


class DecisionSerializer(serializers.ModelSerializer[Decision]):
    by = PersonSerializer()
    on_behalf_of = PersonSerializer(allow_null=True)
    # Said here, because the bounds of numbers differ between databases.
    revision = serializers.IntegerField()
    stage = serializers.IntegerField()
    minutes = serializers.IntegerField(allow_null=True)

    class Meta:
        model = Decision
        fields = [
            "revision",
            "stage",
            "by",
            "on_behalf_of",
            "verdict",
            "minutes",
            "comment",
            "at",
            "dismissed_at",
            "dismissed_why",
        ]


class StageSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="What people call it.")
    needed = serializers.IntegerField(help_text="How many approvals.")


class DetailsSerializer(serializers.Serializer[Any]):
    """What a link was asked for with. Empty for other ways in."""

    phone = serializers.CharField(required=False)
    checked_by = serializers.CharField(
        required=False, help_text="Who called them and made sure that it is them."
    )
    checked_at = serializers.DateTimeField(required=False)
    alias = serializers.CharField(
        required=False, help_text="What they read in place of the machine's name."
    )
    credentials = serializers.CharField(
        required=False, help_text="Who gives them the login on the machine, and how."
    )
    zone = serializers.CharField(required=False)
    language = serializers.CharField(required=False)
    sources = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Empty: from anywhere."
    )


class RequestSerializer(serializers.ModelSerializer[AccessRequest]):
    reference = serializers.CharField(read_only=True)
    requester = PersonSerializer()
    decided_by = PersonSerializer(allow_null=True)
    doors = DoorSerializer(many=True)
    duration_minutes = serializers.IntegerField()
    approved_minutes = serializers.IntegerField(allow_null=True)
    revision = serializers.IntegerField()
    stage = serializers.IntegerField()
    extends = serializers.CharField(source="extends.reference", default=None, allow_null=True)
    details = serializers.SerializerMethodField()
    rules = serializers.SerializerMethodField(help_text="Of the policy, that it is judged by.")
    stages = serializers.SerializerMethodField()
    decisions = DecisionSerializer(many=True)

    class Meta:
        model = AccessRequest
        fields = [
            "reference",
            "state",
            "kind",
            "requester",
            "doors",
            "asked_start",
            "duration_minutes",
            "reason",
            "ticket",
            "vendor_name",
            "vendor_company",
            "vendor_mail",
            "details",
            "extends",
            "rules",
            "stages",
            "stage",
            "decisions",
            "terms_digest",
            "revision",
            "approved_how",
            "approved_minutes",
            "hold",
            "blocked",
            "created_at",
            "lapses_at",
            "decided_by",
            "decided_at",
            "comment",
        ]

    @extend_schema_field(DetailsSerializer)
    def get_details(self, asked: AccessRequest) -> dict[str, Any]:
        return {name: value for name, value in asked.details.items() if name != SENT}

    def get_rules(self, asked: AccessRequest) -> list[str]:
        return list(asked.judgement.rules)

    @extend_schema_field(StageSerializer(many=True))
    def get_stages(self, asked: AccessRequest) -> list[dict[str, Any]]:
        return [
            {"name": stage_words(stage), "needed": stage.needed} for stage in asked.judgement.stages
        ]


class OtherSerializer(Strict):
    """One more machine for the same decision."""

    machine_id = serializers.IntegerField(min_value=1, max_value=BIGGEST)
    port = serializers.IntegerField(min_value=1, max_value=65535)


class SubmitSerializer(Strict):
    """``Idempotency-Key`` (a UUID) in the header makes the call safe to repeat."""

    machine_id = serializers.IntegerField(min_value=1, max_value=BIGGEST)
    kind = serializers.ChoiceField(choices=[])
    port = serializers.IntegerField(min_value=1, max_value=65535)
    minutes = serializers.IntegerField(min_value=1, max_value=100_000)
    reason = serializers.CharField(max_length=1000)
    start = MomentField(required=False, allow_null=True, default=None)
    ticket = serializers.CharField(max_length=64, required=False, default="", allow_blank=True)
    vendor_name = serializers.CharField(
        max_length=200, required=False, default="", allow_blank=True
    )
    vendor_company = serializers.CharField(
        max_length=200, required=False, default="", allow_blank=True
    )
    vendor_mail = serializers.EmailField(
        max_length=254, required=False, default="", allow_blank=True
    )
    vendor_phone = serializers.CharField(
        max_length=40, required=False, allow_blank=True, help_text="To call them back on."
    )
    vendor_checked = serializers.BooleanField(
        required=False, help_text="You called them on that number, and it is them."
    )
    vendor_alias = serializers.CharField(
        max_length=80,
        required=False,
        allow_blank=True,
        help_text="What they read in place of the machine's name.",
    )
    vendor_credentials = serializers.CharField(
        max_length=500,
        required=False,
        allow_blank=True,
        help_text="Who gives them the login on the machine, and how. Never the login itself.",
    )
    vendor_zone = serializers.CharField(
        max_length=64, required=False, allow_blank=True, help_text="Such as Europe/Berlin."
    )
    vendor_language = serializers.CharField(
        max_length=8, required=False, allow_blank=True, help_text="Of their mails and pages: de."
    )
    vendor_sources = serializers.ListField(
        child=serializers.CharField(max_length=60),
        required=False,
        max_length=20,
        help_text="Addresses or networks that they may come from; none means from anywhere.",
    )

    others = serializers.ListField(
        child=OtherSerializer(), required=False, default=list, max_length=MOST_MACHINES - 1
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = [(kind.name, kind.label) for kind in all_kinds().values()]
        self.fields["kind"] = serializers.ChoiceField(choices=kinds)

    def words(self) -> dict[str, Any]:
        """Of what is valid. What was said of the vendor goes to the kind as ``details``."""
        sent = dict(self.validated_data)
        told = {name: sent.pop(f"vendor_{name}") for name in TOLD if f"vendor_{name}" in sent}
        return {**sent, "details": told}


class ChangeSerializer(Strict):
    """All that may be changed, as it is to be. ``revision`` as read with the request."""

    revision = serializers.IntegerField(min_value=1, max_value=BIGGEST)
    minutes = serializers.IntegerField(min_value=1, max_value=100_000)
    start = MomentField(allow_null=True)
    reason = serializers.CharField(max_length=1000)
    ticket = serializers.CharField(max_length=64, allow_blank=True)


class ExtendSerializer(Strict):
    """More time from the present end on."""

    minutes = serializers.IntegerField(min_value=1, max_value=100_000)
    reason = serializers.CharField(max_length=1000)
    ticket = serializers.CharField(max_length=64, required=False, default="", allow_blank=True)


class DenySerializer(Strict):
    """``terms_digest`` as read with the request: what was seen is what is decided."""

    terms_digest = serializers.RegexField(r"^[0-9a-f]{64}$")
    comment = serializers.CharField(max_length=1000, required=False, default="", allow_blank=True)


class ApproveSerializer(DenySerializer):
    """``minutes``: fewer than were asked for; left out, all of them."""

    minutes = serializers.IntegerField(
        min_value=1, max_value=100_000, required=False, allow_null=True, default=None
    )
