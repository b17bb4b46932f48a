"""Figures that only grow, in the database: no restart and no second worker loses any."""

from typing import ClassVar

from django.db import models

ENDLESS = 2**31 - 1  # the bound of the last bucket


class LatenessTally(models.Model):
    """How many grants of a kind were seen closed at most ``bound_ms`` after they had to be, and not
    within the next smaller bound. Milliseconds."""

    kind = models.CharField(max_length=32)
    bound_ms = models.PositiveIntegerField()
    count = models.PositiveBigIntegerField(default=0)
    total_ms = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "bound_ms"], name="lateness_tally_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} within {self.bound_ms} ms"
