"""The estate as last read: machines, the Bastion hosts that reach them, and the gates.

A *gate* is the Azure resource through which grants are opened and closed: a JIT policy or a
Bastion host. It is the unit of locking, batching and back-off: one worker per gate at a time.
"""

from typing import ClassVar

from django.db import models

OUTSIDE = "outside:"  # how ids of machines begin that Azure does not have


class AzureResource(models.Model):
    """Azure ids keep their case for showing; ``resource_key`` is lower-cased for comparing."""

    resource_id = models.CharField(max_length=600)
    resource_key = models.CharField(max_length=600)
    name = models.CharField(max_length=200)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class SyncRun(models.Model):
    """One reading of the whole estate. ``complete`` only if every page of it was read."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    phase = models.CharField(max_length=32, blank=True)  # what is being read
    pages = models.PositiveIntegerField(default=0)
    rows = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    complete = models.BooleanField(default=False)
    problem = models.TextField(blank=True)  # for people

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(complete=False) | models.Q(finished_at__isnull=False),
                name="sync_run_complete_pair",
            ),
            models.UniqueConstraint(
                fields=["complete"],
                condition=models.Q(finished_at__isnull=True),
                name="sync_run_one_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"


class Synced(AzureResource):
    """A resource that the estate sync keeps up to date.

    A row is never deleted because a page did not list it: ``absences`` counts complete readings
    in a row that lacked it, and only the second one, within a sane bound, sets ``gone_at``.
    """

    subscription_id = models.CharField(max_length=64)
    resource_group = models.CharField(max_length=128)
    region = models.CharField(max_length=64)
    facts = models.JSONField(default=dict)  # what checks judge by; the shapes are the reader's
    digest = models.CharField(max_length=64, blank=True)  # of all that was read: same, unchanged
    seen_in = models.PositiveBigIntegerField(default=0)  # the number of the last run that saw it
    absences = models.PositiveSmallIntegerField(default=0)
    gone_at = models.DateTimeField(null=True, blank=True)
    synced_at = models.DateTimeField()  # when its facts last changed

    class Meta:
        abstract = True


class EstateItem(Synced):
    """A network, security group, interface or public address: what machines are judged with."""

    kind = models.CharField(max_length=16)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["resource_key"], name="estate_item_once"),
            models.CheckConstraint(
                condition=models.Q(kind__in=["network", "nsg", "public-ip", "interface"]),
                name="estate_item_kind",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["kind", "seen_in"], name="estate_item_seen")]


class BastionHost(Synced):
    sku = models.CharField(max_length=16)  # Developer, Basic, Standard or Premium
    scale_units = models.PositiveSmallIntegerField(default=2)
    tunneling = models.BooleanField(default=False)  # native client: az network bastion ssh
    shareable_links = models.BooleanField(default=False)
    ip_connect = models.BooleanField(default=False)
    subnet_prefix = models.CharField(max_length=64, blank=True)  # of its AzureBastionSubnet

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["resource_key"], name="bastion_host_once"),
        ]


class Machine(Synced):
    vm_id = models.CharField(max_length=64)  # Azure's immutable id: a re-created VM differs
    subscription_name = models.CharField(max_length=200, blank=True)
    os = models.CharField(max_length=8, choices=[("linux", "Linux"), ("windows", "Windows")])
    private_ip = models.GenericIPAddressField(null=True, blank=True)
    nsg_ids = models.JSONField(default=list)  # NSGs on its NIC and subnet
    tags = models.JSONField(default=dict)
    environment = models.CharField(max_length=64, blank=True)  # tag "environment"
    owner = models.CharField(max_length=64, blank=True)  # tag "owner"
    bastion = models.ForeignKey(
        BastionHost, null=True, blank=True, on_delete=models.SET_NULL, related_name="machines"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["resource_key"], name="machine_once"),
            models.CheckConstraint(
                condition=models.Q(os__in=["linux", "windows"]), name="machine_os"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["name", "id"], name="machine_by_name"),
            models.Index(fields=["vm_id"], name="machine_by_vm_id"),
            models.Index(fields=["seen_in"], name="machine_seen"),
        ]

    @property
    def in_azure(self) -> bool:
        """Else it was registered here by hand, and no reading of the estate ever lists it."""
        return not self.resource_key.startswith(OUTSIDE)

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
    full_until = models.DateTimeField(null=True, blank=True)  # it takes no more closings until then
    looked_at = models.DateTimeField(null=True, blank=True)
    whole_at = models.DateTimeField(null=True, blank=True)  # last at all that is open there
    audited_at = models.DateTimeField(null=True, blank=True)  # last asked for what is nobody's
    failures = models.PositiveIntegerField(default=0)  # in a row
    erred = models.PositiveIntegerField(default=0)  # closes in a row on which Azure broke down
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
