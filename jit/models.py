"""The ports that JIT policies guard, as last read from Azure, and the orders to change them."""

from typing import ClassVar

from django.db import models

from access.models import Gate, Machine, Person
from jit.outside.models import OutsideTarget

__all__ = ["JitPort", "OutsideTarget", "PolicyOrder"]


class WithGate(models.Manager["JitPort"]):
    """A port is never of use without its policy."""

    def get_queryset(self) -> models.QuerySet["JitPort"]:
        return super().get_queryset().select_related("gate")


class JitPort(models.Model):
    """One port of one machine in one JIT policy. The policy is the gate."""

    machine = models.ForeignKey(Machine, on_delete=models.CASCADE, related_name="jit_ports")
    gate = models.ForeignKey(Gate, on_delete=models.CASCADE, related_name="jit_ports")
    number = models.PositiveIntegerField()
    source_prefixes = models.JSONField(default=list)  # as the policy writes them; "*" is any
    max_minutes = models.PositiveIntegerField()
    seen_in = models.PositiveBigIntegerField(default=0)  # the last estate reading that listed it
    absences = models.PositiveSmallIntegerField(default=0)

    objects = WithGate()

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


class PolicyOrder(models.Model):
    """An administrator's order of how one machine is to stand in a JIT policy.

    Its terms are written once. What became of it is written by the worker that carries it out:
    it is pending until ``done_at`` or ``failed_at``. The policy (``gate``) may not exist yet.
    """

    submission_key = models.UUIDField(unique=True)
    gate = models.ForeignKey(Gate, on_delete=models.PROTECT, related_name="policy_orders")
    machine = models.ForeignKey(Machine, on_delete=models.PROTECT, related_name="policy_orders")
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    reason = models.TextField()
    before = models.JSONField(default=list)  # the ports as the administrator was shown them
    ports = models.JSONField(default=list)  # as they are to be; empty takes the machine out
    sent_at = models.DateTimeField(null=True, blank=True)  # Azure was last asked to change it
    others = models.JSONField(default=dict)  # digests of the other machines as they were put
    not_before = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)  # in vain
    receipts = models.JSONField(default=list)
    problem = models.TextField(blank=True)  # for people
    remark = models.TextField(blank=True)  # what was seen in the end, for people
    done_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["gate"],
                condition=models.Q(done_at__isnull=True, failed_at__isnull=True),
                name="policy_order_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(done_at__isnull=True) | models.Q(failed_at__isnull=True),
                name="policy_order_one_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.machine_id} at {self.gate_id}"

    @property
    def is_pending(self) -> bool:
        return self.done_at is None and self.failed_at is None
