"""What people ask for and decide. A request is frozen at submission."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q

from access.models.estate import Machine
from access.models.people import Person
from access.states import RequestState

REFERENCE_PREFIX = "BA-"


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
    policy = models.JSONField()  # what it was judged by
    terms_digest = models.CharField(max_length=64)  # SHA-256 of the canonical terms
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
                | Q(state__in=[RequestState.PENDING, RequestState.LAPSED]),
                name="request_decider",
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
            models.Index(
                fields=["lapses_at"], name="request_pending", condition=Q(state="pending")
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """What people say and type: ``BA-000123``."""
        return f"{REFERENCE_PREFIX}{self.pk:06d}"

    @property
    def duration(self) -> timedelta:
        return timedelta(minutes=self.duration_minutes)

    def window_from(self, moment: datetime) -> tuple[datetime, datetime]:
        """(start, end) if it were approved at ``moment``."""
        start = self.asked_start or moment
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

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["access_request", "machine", "kind", "port"], name="requested_door_once"
            ),
            models.CheckConstraint(
                condition=Q(port__gte=1, port__lte=65535), name="requested_door_port"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.machine_id}:{self.port} ({self.kind})"
