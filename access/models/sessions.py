"""Live Bastion sessions as workers last read them, and people's orders to end one.

Workers write readings and sessions. A browser that wants a session ended writes a
``DisconnectOrder`` instead, so the two never write the same row.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from access.models.estate import BastionHost, Machine
from access.models.people import Person


class SessionReading(models.Model):
    """What is known of one host's sessions, and whose turn it is to read them."""

    host = models.OneToOneField(
        BastionHost, on_delete=models.CASCADE, related_name="session_reading"
    )
    read_at = models.DateTimeField(
        null=True, blank=True
    )  # Azure was asked what it answered in full
    tried_at = models.DateTimeField(null=True, blank=True)  # when the last turn that ended began
    not_before = models.DateTimeField(null=True, blank=True)  # to come back, and not sooner
    failures = models.PositiveIntegerField(default=0)  # in a row
    problem = models.TextField(blank=True)  # why who is connected is not known, for people
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(lease_token__isnull=True, lease_until__isnull=True)
                | Q(lease_token__isnull=False, lease_until__isnull=False),
                name="session_reading_lease_pair",
            ),
        ]

    def __str__(self) -> str:
        return f"reading of host {self.host_id}"


class LiveSession(models.Model):
    """Somebody connected through a host. Azure tells the VM's own user name, never a person."""

    host = models.ForeignKey(BastionHost, on_delete=models.PROTECT, related_name="sessions")
    session_id = models.CharField(max_length=200)  # Azure's
    machine = models.ForeignKey(
        Machine, null=True, blank=True, on_delete=models.PROTECT, related_name="sessions"
    )  # null: it leads to none that is known
    user_name = models.CharField(max_length=200, blank=True)
    protocol = models.CharField(max_length=16, blank=True)  # ssh or rdp, in Azure's spelling
    target = models.CharField(max_length=600, blank=True)  # what Azure names, a name or an id
    address = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)  # null: Azure did not say
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)  # a complete answer lacked it
    unexplained_at = models.DateTimeField(null=True, blank=True)  # told to the ledger
    tries = models.PositiveIntegerField(default=0)  # to disconnect it, in vain
    not_before = models.DateTimeField(null=True, blank=True)  # of the next try
    problem = models.TextField(blank=True)  # why it could not be disconnected, for people
    disconnected_at = models.DateTimeField(null=True, blank=True)  # Azure said so; not seen yet

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["host", "session_id"], name="live_session_once"),
            models.CheckConstraint(
                condition=Q(last_seen_at__gte=models.F("first_seen_at")),
                name="live_session_seen",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["host"], name="live_session_now", condition=Q(ended_at__isnull=True)
            ),
            models.Index(fields=["machine", "ended_at"], name="live_session_by_machine"),
            models.Index(fields=["ended_at"], name="live_session_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.user_name} on {self.target}"


class DisconnectOrder(models.Model):
    """A person's order to end a session. Written once, never changed."""

    session = models.OneToOneField(
        LiveSession, on_delete=models.PROTECT, related_name="disconnect_order"
    )
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    reason = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(reason=""), name="disconnect_order_reason"),
        ]

    def __str__(self) -> str:
        return f"disconnect {self.session_id}"
