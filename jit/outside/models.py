"""Machines outside Azure: what is known of them beside their row among all machines."""

from django.db import models

from access.models import Gate, Machine


class OutsideTarget(models.Model):
    """``kept_shut_by``: by port, the rule that keeps it shut outside a window; empty where none
    does; a port is absent while nobody has read the rules. As of the last reading of the estate.
    """

    machine = models.OneToOneField(Machine, on_delete=models.CASCADE, related_name="outside")
    gate = models.ForeignKey(
        Gate, null=True, blank=True, on_delete=models.SET_NULL, related_name="outside_targets"
    )
    ports = models.JSONField(default=list)  # of 22 and 3389: Bastion reaches addresses by no other
    kept_shut_by = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"outside {self.machine_id}"
