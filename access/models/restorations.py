"""What the outside memory is compared with: that the database went back in time, as after a
restore, and how far the deadline manifests were written."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from access.models.estate import Gate
from access.models.people import Person


class Restoration(models.Model):
    """``kept_*``: the ledger's last line that the outside memory knows of. ``head_seq``: the last
    line of the database when it was found out. ``agreed_seq``: the newest line that both still
    have. At most one waits for people; until then nothing opens."""

    found_at = models.DateTimeField()
    kept_seq = models.PositiveBigIntegerField()
    kept_hash = models.CharField(max_length=64)
    kept_at = models.DateTimeField()
    head_seq = models.PositiveBigIntegerField()
    agreed_seq = models.PositiveBigIntegerField(default=0)
    orphans = models.JSONField(default=list)  # doors that only the manifests know, for people
    reconciled_at = models.DateTimeField(null=True, blank=True)
    reconciled_by = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    note = models.TextField(blank=True)
    waits = models.BooleanField(default=True)  # for people; what one row alone may be

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["waits"],
                condition=Q(waits=True),
                name="restoration_waits_once",
            ),
            models.CheckConstraint(
                condition=Q(waits=True, reconciled_at__isnull=True, reconciled_by__isnull=True)
                | Q(waits=False, reconciled_at__isnull=False, reconciled_by__isnull=False),
                name="restoration_reconciled_pair",
            ),
        ]

    def __str__(self) -> str:
        return f"restored to line {self.head_seq} of {self.kept_seq}"


class Manifest(models.Model):
    """How the gate's deadline manifest was last written. One of the store that is older than
    ``serial`` is none of ours any more. ``digest`` is of what it says; empty: write it anew."""

    gate = models.OneToOneField(Gate, on_delete=models.CASCADE, related_name="manifest")
    serial = models.PositiveBigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)
    written_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"manifest {self.serial} of gate {self.gate_id}"
