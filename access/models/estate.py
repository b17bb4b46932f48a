"""The estate as last read: machines, the Bastion hosts that reach them, and the gates.

A *gate* is the Azure resource through which grants are opened and closed: a JIT policy or a
Bastion host. It is the unit of locking, batching and back-off: one worker per gate at a time.
"""

from typing import ClassVar

from django.db import models


class AzureResource(models.Model):
    """Azure ids keep their case for showing; ``resource_key`` is lower-cased for comparing."""

    resource_id = models.CharField(max_length=600)
    resource_key = models.CharField(max_length=600)
    name = models.CharField(max_length=200)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class BastionHost(AzureResource):
    subscription_id = models.CharField(max_length=64)
    resource_group = models.CharField(max_length=128)
    region = models.CharField(max_length=64)
    sku = models.CharField(max_length=16)  # Developer, Basic, Standard or Premium
    scale_units = models.PositiveSmallIntegerField(default=2)
    tunneling = models.BooleanField(default=False)  # native client: az network bastion ssh
    shareable_links = models.BooleanField(default=False)
    ip_connect = models.BooleanField(default=False)
    subnet_prefix = models.CharField(max_length=64, blank=True)  # of its AzureBastionSubnet
    synced_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["resource_key"], name="bastion_host_once"),
        ]


class Machine(AzureResource):
    vm_id = models.CharField(max_length=64)  # Azure's immutable id: a re-created VM differs
    subscription_id = models.CharField(max_length=64)
    subscription_name = models.CharField(max_length=200, blank=True)
    resource_group = models.CharField(max_length=128)
    region = models.CharField(max_length=64)
    os = models.CharField(max_length=8, choices=[("linux", "Linux"), ("windows", "Windows")])
    private_ip = models.GenericIPAddressField(null=True, blank=True)
    nsg_ids = models.JSONField(default=list)  # NSGs on its NIC and subnet
    tags = models.JSONField(default=dict)
    environment = models.CharField(max_length=64, blank=True)  # tag "environment"
    owner = models.CharField(max_length=64, blank=True)  # tag "owner"
    bastion = models.ForeignKey(
        BastionHost, null=True, blank=True, on_delete=models.SET_NULL, related_name="machines"
    )
    synced_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["resource_key"], name="machine_once"),
            models.CheckConstraint(
                condition=models.Q(os__in=["linux", "windows"]), name="machine_os"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["name", "id"], name="machine_by_name")]

    @property
    def is_production(self) -> bool:
        return self.environment.lower() in {"production", "prod"}

    @property
    def login_port(self) -> int:
        """The port people sign in through by default: 3389 on Windows, else 22."""
        return 3389 if self.os == "windows" else 22


class Gate(AzureResource):
    """Lease and pause are two columns: ending a grant early must never free a lease that a
    worker holds, or a second worker closes a link which the first one then creates."""

    kind = models.CharField(max_length=32)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    pause_until = models.DateTimeField(null=True, blank=True)
    look_again_at = models.DateTimeField(null=True, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)  # in a row
    problem = models.TextField(blank=True)  # why Azure could not be asked, for people

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "resource_key"], name="gate_once"),
            models.CheckConstraint(
                condition=models.Q(lease_token__isnull=True, lease_until__isnull=True)
                | models.Q(lease_token__isnull=False, lease_until__isnull=False),
                name="gate_lease_pair",
            ),
        ]
