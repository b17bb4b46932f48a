"""What workers do: one grant per request, machine, kind and port.

Workers write grants. A browser that wants one ended writes an ``EndOrder`` instead, so the two
never write the same row.
"""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from access.models.estate import Gate, Machine
from access.models.people import Person
from access.models.requests import AccessRequest
from access.states import GrantState


class Grant(models.Model):
    access_request = models.ForeignKey(
        AccessRequest, on_delete=models.PROTECT, related_name="grants"
    )
    machine = models.ForeignKey(Machine, on_delete=models.PROTECT, related_name="grants")
    gate = models.ForeignKey(Gate, on_delete=models.PROTECT, related_name="grants")
    kind = models.CharField(max_length=32)
    port = models.PositiveIntegerField()
    exclusive = models.BooleanField()  # the door cannot be shared with another grant
    state = models.CharField(
        max_length=16, choices=GrantState.choices, default=GrantState.SCHEDULED
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()  # the approved end; an early end is an EndOrder
    place = models.JSONField(default=dict)  # where it was opened; a later sync cannot move it
    not_before = models.DateTimeField(null=True, blank=True)  # the engine leaves it until then
    tries = models.PositiveIntegerField(default=0)  # in vain, one after another, in this state
    erred = models.PositiveIntegerField(default=0)  # times Azure broke down on shutting it alone
    sent_at = models.DateTimeField(null=True, blank=True)  # last asked of Azure in this state
    sent_until = models.DateTimeField(null=True, blank=True)  # the end that was asked for
    asked_at = models.DateTimeField(null=True, blank=True)  # Azure was last asked to open it
    shown_at = models.DateTimeField(null=True, blank=True)  # Azure last showed all that was asked
    accepted = models.PositiveIntegerField(default=0)  # opening calls taken and not yet shown
    opened_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)  # when closing began to be owed
    grace_minutes = models.PositiveSmallIntegerField(default=0)  # a soft end, by policy
    finish_by = models.DateTimeField(null=True, blank=True)  # sessions may last until then
    shut_at = models.DateTimeField(null=True, blank=True)  # Azure showed the door shut
    closed_at = models.DateTimeField(null=True, blank=True)
    close_reason = models.TextField(blank=True)
    outstanding = models.TextField(blank=True)  # what is still to be done, for people
    problem = models.TextField(blank=True)  # what Azure last answered against it, for people

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["access_request", "machine", "kind", "port"], name="grant_once"
            ),
            models.UniqueConstraint(
                fields=["machine", "kind", "port"],
                condition=Q(exclusive=True, state__in=["opening", "open", "closing"]),
                name="grant_door_held_once",
            ),
            models.CheckConstraint(condition=Q(state__in=GrantState.values), name="grant_state"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="grant_window"),
            models.CheckConstraint(
                condition=Q(opened_at__isnull=True) | Q(state__in=["open", "closing", "closed"]),
                name="grant_opened",
            ),
            models.CheckConstraint(
                condition=~Q(state="open") | Q(opened_at__isnull=False), name="grant_open_seen"
            ),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False)
                | (~Q(state="closed") & Q(closed_at__isnull=True)),
                name="grant_closed_pair",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["closing", "closed"], due_at__isnull=False)
                | (~Q(state__in=["closing", "closed"]) & Q(due_at__isnull=True)),
                name="grant_due_pair",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["closing", "closed"]) | ~Q(close_reason=""),
                name="grant_close_reason",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["gate", "state", "starts_at", "ends_at"],
                name="grant_live",
                condition=~Q(state="closed"),
            ),
            models.Index(fields=["machine", "state"], name="grant_by_machine"),
            models.Index(
                fields=["closed_at"],
                name="grant_by_closing",
                condition=Q(opened_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.machine_id}:{self.port} ({self.state})"

    @property
    def never_opened(self) -> bool:
        return self.state == GrantState.CLOSED and self.opened_at is None


class EndedHow(models.TextChoices):
    BY_OWNER = "owner", "Ended by the person who had it"
    REVOKED = "revoked", "Revoked by an administrator"
    LOCKDOWN = "lockdown", "Closed with everything else in an incident"
    BY_VENDOR = "vendor", "Ended by the vendor's own person, who was done"


class EndOrder(models.Model):
    """An order to end a grant before its time. Written once, never changed. ``by``: ``None`` where
    somebody without an account gave back what was given to them."""

    grant = models.OneToOneField(Grant, on_delete=models.PROTECT, related_name="end_order")
    by = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    at = models.DateTimeField()
    how = models.CharField(max_length=16, choices=EndedHow.choices, default=EndedHow.BY_OWNER)
    reason = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(how__in=EndedHow.values), name="end_order_how"),
            models.CheckConstraint(
                condition=Q(how="vendor", by__isnull=True)
                | (~Q(how="vendor") & Q(by__isnull=False)),
                name="end_order_by",
            ),
        ]

    def __str__(self) -> str:
        return f"end {self.grant_id}"


class GrantExtension(models.Model):
    """More time for a grant, by another request that was decided like any. Written once, in the
    transaction that moves the grant's end, under the lock of its gate."""

    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="extensions")
    access_request = models.ForeignKey(
        AccessRequest, on_delete=models.PROTECT, related_name="lengthened"
    )
    ended_at = models.DateTimeField()  # the end that it had until then
    until = models.DateTimeField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["grant", "access_request"], name="grant_extended_once"),
            models.CheckConstraint(
                condition=Q(until__gt=F("ended_at")), name="grant_extension_lengthens"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.grant_id} until {self.until}"
