"""The ledger's table. Written by ``access.ledger`` alone; triggers forbid changing a line."""

from typing import ClassVar

from django.db import models


class LedgerEntry(models.Model):
    seq = models.BigIntegerField(primary_key=True)  # 1, 2, 3 … without gaps
    at = models.DateTimeField()  # database clock
    event = models.CharField(max_length=64)  # "request.approved"
    outcome = models.CharField(max_length=8)  # success, denied or failed
    actor_kind = models.CharField(max_length=8)  # person, system or vendor
    actor_id = models.CharField(max_length=128)  # tenant/object id, or the worker's role
    actor_name = models.CharField(max_length=200)
    reference = models.CharField(max_length=32, blank=True)  # request it belongs to
    subject = models.CharField(max_length=600, blank=True)  # machine's resource key
    data = models.JSONField(default=dict)
    prev_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(outcome__in=["success", "denied", "failed"]),
                name="ledger_outcome",
            ),
            models.CheckConstraint(
                condition=models.Q(actor_kind__in=["person", "system", "vendor"]),
                name="ledger_actor_kind",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["reference", "seq"], name="ledger_by_reference"),
            models.Index(fields=["event", "-seq"], name="ledger_by_event"),
            models.Index(fields=["actor_id", "-seq"], name="ledger_by_actor"),
            models.Index(fields=["at"], name="ledger_by_moment"),
            models.Index(
                fields=["outcome", "-seq"],
                name="ledger_unsuccessful",
                condition=models.Q(outcome__in=["denied", "failed"]),
            ),
            models.Index(
                fields=["actor_name", "-seq"],
                name="ledger_vendors",
                condition=models.Q(actor_kind="vendor"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.event}"


class LedgerHead(models.Model):
    """The one row that appending locks; it also betrays a tail that was cut off."""

    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"head {self.seq}"
