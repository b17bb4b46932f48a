"""What the checks said of the estate when it was last read."""

from typing import ClassVar

from django.db import models

from access.models.estate import BastionHost, Machine


class Verdict(models.Model):
    """Of one Bastion host, network or machine.

    Kept, and not worked out for each page: worst first over thousands of machines means that all
    of them must have been judged. ``rank`` orders by level, kind and name in one column, so that a
    list can be followed by it. ``checks``: of a host all, of others those that do not pass.
    """

    kind = models.CharField(max_length=8)
    resource_id = models.CharField(max_length=600)
    resource_key = models.CharField(max_length=600)
    name = models.CharField(max_length=200)
    level = models.CharField(max_length=8)
    rank = models.CharField(max_length=300)
    host = models.ForeignKey(  # of a network or machine: the one that reaches it
        BastionHost, null=True, blank=True, on_delete=models.CASCADE, related_name="verdicts"
    )
    machine = models.OneToOneField(
        Machine, null=True, blank=True, on_delete=models.CASCADE, related_name="verdict"
    )
    network = models.CharField(max_length=200, blank=True)  # its name
    machines = models.PositiveIntegerField(default=0)  # how many are in a network
    passes = models.PositiveIntegerField(default=0)
    checks = models.JSONField(default=list)
    digest = models.CharField(max_length=64)  # of all this: same, unchanged
    judged_in = models.PositiveBigIntegerField()  # the number of the last run that judged it

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["resource_key"], name="verdict_once"),
            models.CheckConstraint(
                condition=models.Q(kind__in=["host", "network", "machine"]), name="verdict_kind"
            ),
            models.CheckConstraint(
                condition=models.Q(level__in=["pass", "unknown", "warn", "fail"]),
                name="verdict_level",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["rank"], name="verdict_by_rank"),
            models.Index(fields=["level", "kind", "rank"], name="verdict_by_level"),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.level}"
