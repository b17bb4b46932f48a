"""What people ask for and decide. A request is frozen at submission."""

from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from access.models.estate import Machine
from access.models.people import Person
from access.rules.judgement import Judgement, Source, Stage
from access.states import RequestState

REFERENCE_PREFIX = "BA-"
# What requests were judged by before there were policies.
BEFORE_POLICIES = Judgement(stages=(Stage((Source("role", "approver"),)),))


class ApprovedHow(models.TextChoices):
    PEOPLE = "people", "By people"
    RULE = "rule", "By a rule of the policy, without people"
    BREAK_GLASS = "break-glass", "Break-glass, reviewed afterwards"


class AccessRequest(models.Model):
    """``asked_start`` empty means "as soon as it is approved"."""

    requester = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="requests")
    submission_key = models.UUIDField()  # the same key twice is the same request
    kind = models.CharField(max_length=32)
    asked_start = models.DateTimeField(null=True, blank=True)
    duration_minutes = models.PositiveIntegerField()
    reason = models.TextField()
    ticket = models.CharField(max_length=64, blank=True)
    vendor_name = models.CharField(max_length=200, blank=True)
    vendor_company = models.CharField(max_length=200, blank=True)
    vendor_mail = models.CharField(max_length=254, blank=True)
    # What the kind wants kept of what was asked, in its own words; part of the terms. No secrets.
    details = models.JSONField(default=dict, blank=True)
    policy = models.JSONField()  # the judgement that it was sent under, and the policy's number
    terms_digest = models.CharField(max_length=64)  # SHA-256 of the canonical terms
    revision = models.PositiveIntegerField(default=1)  # counts what makes earlier approvals void
    stage = models.PositiveSmallIntegerField(default=0)  # that waits for approvals, from 0
    stage_since = models.DateTimeField(null=True, blank=True)  # when it began to wait
    escalated_at = models.DateTimeField(null=True, blank=True)  # this stage was widened
    approved_minutes = models.PositiveIntegerField(null=True, blank=True)  # if shortened
    approved_how = models.CharField(max_length=16, choices=ApprovedHow.choices, blank=True)
    hold = models.TextField(blank=True)  # why an approval must be given anew before it opens
    held_at = models.DateTimeField(null=True, blank=True)
    blocked = models.TextField(blank=True)  # why nobody can decide it now; administrators know
    asked_back_at = models.DateTimeField(null=True, blank=True)  # a question waits for an answer
    extends = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="extensions"
    )  # more time for what that request opened; never itself an extension
    state = models.CharField(
        max_length=16, choices=RequestState.choices, default=RequestState.PENDING
    )
    created_at = models.DateTimeField()
    lapses_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="decisions"
    )
    decided_at = models.DateTimeField(null=True, blank=True)  # by a person or by lapsing
    comment = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["requester", "submission_key"], name="request_submitted_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=RequestState.values), name="request_state"
            ),
            models.CheckConstraint(
                condition=Q(
                    state=RequestState.PENDING, decided_at__isnull=True, decided_by__isnull=True
                )
                | (~Q(state=RequestState.PENDING) & Q(decided_at__isnull=False)),
                name="request_decided_pair",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=False)
                | Q(state__in=[RequestState.PENDING, RequestState.LAPSED])
                | Q(approved_how__in=["rule", "break-glass"]),
                name="request_decider",
            ),
            models.CheckConstraint(
                condition=Q(state=RequestState.APPROVED, approved_how__in=ApprovedHow.values)
                | (~Q(state=RequestState.APPROVED) & Q(approved_how="")),
                name="request_approved_how",
            ),
            models.CheckConstraint(
                condition=Q(approved_minutes__isnull=True)
                | Q(approved_minutes__gte=1, approved_minutes__lte=models.F("duration_minutes")),
                name="request_never_lengthened",
            ),
            models.CheckConstraint(
                condition=Q(hold="", held_at__isnull=True)
                | (~Q(hold="") & Q(held_at__isnull=False, state=RequestState.APPROVED)),
                name="request_held_pair",
            ),
            models.CheckConstraint(
                condition=Q(extends__isnull=True) | ~Q(extends=models.F("id")),
                name="request_extends_another",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[RequestState.APPROVED, RequestState.DENIED])
                | ~Q(decided_by=models.F("requester")),
                name="request_not_own_approver",
            ),
            models.CheckConstraint(condition=Q(duration_minutes__gte=1), name="request_duration"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["requester", "-created_at", "-id"], name="request_mine"),
            models.Index(fields=["-created_at", "-id"], name="request_newest"),
            models.Index(
                fields=["lapses_at"], name="request_pending", condition=Q(state="pending")
            ),
            models.Index(fields=["held_at"], name="request_held", condition=~Q(hold="")),
            models.Index(Lower("vendor_mail"), name="request_vendor", condition=~Q(vendor_mail="")),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """What people say and type: ``BA-000123``."""
        return f"{REFERENCE_PREFIX}{self.pk:06d}"

    @property
    def duration(self) -> timedelta:
        """As approved, which may be shorter than what was asked for; until then as asked for."""
        return timedelta(minutes=self.approved_minutes or self.duration_minutes)

    @cached_property
    def judgement(self) -> Judgement:
        """What the policy said of it when it was sent, changed or last held."""
        kept = self.policy.get("judgement")
        return Judgement.from_json(kept) if kept else BEFORE_POLICIES

    def judge_by(self, policy: dict[str, Any]) -> None:
        """Put another judgement in the place of the one it had. Does not save."""
        self.policy = policy
        self.__dict__.pop("judgement", None)

    @property
    def is_undecided(self) -> bool:
        """Waits for people: as a new one, or because an approval no longer stands."""
        return self.state == RequestState.PENDING or bool(self.hold)

    def window_from(self, moment: datetime) -> tuple[datetime, datetime]:
        """(start, end) in UTC if it were approved at ``moment``. Added in UTC, because Python adds
        on the wall: over a change of clocks that would be an hour more or less."""
        start = (self.asked_start or moment).astimezone(UTC)
        return start, start + self.duration


class RequestedDoor(models.Model):
    """One machine and port that a request names, with the identity the machine had then."""

    access_request = models.ForeignKey(
        AccessRequest, on_delete=models.CASCADE, related_name="doors"
    )
    machine = models.ForeignKey(Machine, on_delete=models.PROTECT, related_name="+")
    vm_id = models.CharField(max_length=64)
    kind = models.CharField(max_length=32)
    port = models.PositiveIntegerField()
    requester = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    pending = models.BooleanField(default=True)  # as long as its request is; for the constraint
    environment = models.CharField(max_length=64, blank=True)  # the machine's tag then
    production = models.BooleanField(default=False)  # whether it counted as production then

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["access_request", "machine", "kind", "port"], name="requested_door_once"
            ),
            models.UniqueConstraint(
                fields=["requester", "machine", "kind", "port"],
                condition=Q(pending=True),
                name="requested_door_pending_once",
            ),
            models.CheckConstraint(
                condition=Q(port__gte=1, port__lte=65535), name="requested_door_port"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.machine_id}:{self.port} ({self.kind})"
