"""Closing everything for an incident: one administrator orders it, another confirms it."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from access.models.people import Person


class LockdownScope(models.TextChoices):
    ALL = "all", "Everything"
    SUBSCRIPTION = "subscription", "One subscription"
    GROUP = "group", "One resource group"
    HOST = "host", "One Bastion host"
    MACHINE = "machine", "One machine"


class Lockdown(models.Model):
    """From the order on nothing in its scope is opened; from the confirmation on all that is open
    is ended. Not confirmed by ``lapses_at``, it is over. In force until somebody lifts it."""

    scope = models.CharField(max_length=16, choices=LockdownScope.choices)
    value = models.CharField(max_length=600, blank=True)  # lower-cased; empty for everything
    reason = models.TextField()
    ordered_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    ordered_at = models.DateTimeField()
    lapses_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    confirmed_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    lifted_at = models.DateTimeField(null=True, blank=True)  # by somebody, or by lapsing
    lift_reason = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(scope__in=LockdownScope.values), name="lockdown_scope"
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True, confirmed_at__isnull=True)
                | (
                    Q(confirmed_by__isnull=False, confirmed_at__isnull=False)
                    & ~Q(confirmed_by=F("ordered_by"))
                ),
                name="lockdown_two_people",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="lockdown_reason"),
            models.UniqueConstraint(
                fields=["scope", "value"],
                condition=Q(lifted_at__isnull=True),
                name="lockdown_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.value}".strip()
