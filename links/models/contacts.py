"""People of vendors: who they are said to be, and who made sure of it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from access.models import Person


class VendorContact(models.Model):
    """One person of a vendor, by mail address. Kept with the first request for them, and checked
    anew by whoever invites them when the last check is too old."""

    name = models.CharField(max_length=200)
    company = models.CharField(max_length=200)
    mail = models.CharField(max_length=254)  # as it is written to
    mail_key = models.CharField(max_length=254, unique=True)  # in small letters
    phone = models.CharField(max_length=40)  # to call them back on; nothing is sent there
    zone = models.CharField(max_length=64, default="UTC")  # an IANA time zone name
    language = models.CharField(max_length=8, default="en")  # of settings.LANGUAGES
    kept_at = models.DateTimeField()
    kept_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    # That mail and phone are theirs: somebody asked them another way than by this mail.
    checked_at = models.DateTimeField(null=True, blank=True)
    checked_by = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    blocked_at = models.DateTimeField(null=True, blank=True)
    blocked_by = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    blocked_why = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(checked_at__isnull=True, checked_by__isnull=True)
                | Q(checked_at__isnull=False, checked_by__isnull=False),
                name="vendor_contact_checked_pair",
            ),
            models.CheckConstraint(
                condition=Q(blocked_at__isnull=True, blocked_by__isnull=True, blocked_why="")
                | (Q(blocked_at__isnull=False, blocked_by__isnull=False) & ~Q(blocked_why="")),
                name="vendor_contact_blocked_pair",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["company", "name", "id"], name="vendor_contact_listed"),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.company}"

    @property
    def subject(self) -> str:
        """What the ledger calls the row."""
        return f"vendor/{self.pk}"
