"""The ports that JIT policies guard, as last read from Defender for Cloud."""

from typing import ClassVar

from django.db import models

from access.models import Gate, Machine


class JitPort(models.Model):
    """One port of one machine in one JIT policy. The policy is the gate."""

    machine = models.ForeignKey(Machine, on_delete=models.CASCADE, related_name="jit_ports")
    gate = models.ForeignKey(Gate, on_delete=models.CASCADE, related_name="jit_ports")
    number = models.PositiveIntegerField()
    source_prefixes = models.JSONField(default=list)  # as the policy writes them; "*" is any
    max_minutes = models.PositiveIntegerField()
    seen_in = models.PositiveBigIntegerField(default=0)  # the last estate reading that listed it
    absences = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["machine", "number"], name="jit_port_once"),
            models.CheckConstraint(
                condition=models.Q(number__gte=1, number__lte=65535), name="jit_port_number"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.machine_id}:{self.number}"
