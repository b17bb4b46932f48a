"""The policy's versions. One is in force; who proposed it is never who put it in force."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from access.models.people import Person


class PolicyState(models.TextChoices):
    PROPOSED = "proposed", "Waits for a second administrator"
    ACTIVE = "active", "In force"
    RETIRED = "retired", "Was in force"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"


class PolicyVersion(models.Model):
    """``number`` 1, 2, 3 … in the order of proposal. Never changed but for its state."""

    number = models.PositiveIntegerField(unique=True)
    source = models.TextField()  # YAML, as it was written
    document = models.JSONField()  # the same as data, in canonical form
    digest = models.CharField(max_length=64)  # SHA-256 of the canonical document
    note = models.TextField()  # why, for the second administrator and for auditors
    based_on = models.PositiveIntegerField()  # number in force when it was proposed; 0: built-in
    state = models.CharField(
        max_length=16, choices=PolicyState.choices, default=PolicyState.PROPOSED
    )
    proposed_by = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )  # null: installed from the command line as the very first
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    comment = models.TextField(blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=PolicyState.values), name="policy_state"),
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="active"), name="policy_one_active"
            ),
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="proposed"), name="policy_one_proposed"
            ),
            models.CheckConstraint(
                condition=Q(proposed_by__isnull=True)
                | ~Q(state__in=["active", "retired"])
                | (Q(decided_by__isnull=False) & ~Q(decided_by=F("proposed_by"))),
                name="policy_two_people",
            ),
            models.CheckConstraint(
                condition=Q(state="proposed", decided_at__isnull=True)
                | (~Q(state="proposed") & Q(decided_at__isnull=False)),
                name="policy_decided_pair",
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"

    @property
    def reference(self) -> str:
        """What its ledger lines are found by."""
        return f"POLICY-{self.number}"
