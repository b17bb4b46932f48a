"""What is open in Azure without a grant of ours: drift, seen by the audit pass.

Never adopted as allowed by itself. A finding stays until Azure shows the opening gone.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from access.models.estate import Gate, Machine
from access.models.people import Person


class Finding(models.Model):
    gate = models.ForeignKey(Gate, on_delete=models.PROTECT, related_name="findings")
    resource_id = models.CharField(max_length=600)  # of the machine, also of one we do not know
    resource_key = models.CharField(max_length=600)
    machine = models.ForeignKey(
        Machine, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    port = models.PositiveIntegerField(default=0)  # 0 where Azure names none
    detail = models.JSONField(default=dict)  # as Azure shows it, for people; no secrets
    left_by = models.CharField(max_length=32, blank=True)  # reference of ours, if it is a remnant
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)  # Azure was last asked to remove it
    problem = models.TextField(blank=True)  # why it could not be removed, for people

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["gate", "resource_key", "port"],
                condition=Q(gone_at__isnull=True),
                name="finding_live_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["gone_at", "-first_seen_at"], name="finding_live")
        ]

    def __str__(self) -> str:
        return f"{self.resource_key}:{self.port or ''} at {self.gate_id}"

    @property
    def name(self) -> str:
        """Of the machine, as people call it."""
        return self.resource_id.rsplit("/", 1)[-1]


class RemovalOrder(models.Model):
    """An administrator's order to remove what was found. Written once, never changed."""

    finding = models.OneToOneField(Finding, on_delete=models.PROTECT, related_name="removal")
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    reason = models.TextField()

    def __str__(self) -> str:
        return f"remove {self.finding_id}"
