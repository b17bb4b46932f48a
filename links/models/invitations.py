"""What a vendor's person was invited to, and what they hold of it: never in a form that opens it.

The address that they are mailed, the cookie of their browser and the codes are kept as digests.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from access.models import AccessRequest, Grant, Machine, Person
from links.models.contacts import VendorContact


class Invitation(models.Model):
    """Of one approved request that opens links. What it opens, and until when, its grants say."""

    access_request = models.OneToOneField(
        AccessRequest, on_delete=models.PROTECT, related_name="invitation"
    )
    contact = models.ForeignKey(VendorContact, on_delete=models.PROTECT, related_name="invitations")
    # As the approver saw them; the contact may change afterwards and this does not.
    name = models.CharField(max_length=200)
    company = models.CharField(max_length=200)
    mail = models.CharField(max_length=254)
    alias = models.CharField(max_length=80)  # what the vendor's pages call the machine
    credentials = models.TextField()  # who gives the login on the machine, and how
    zone = models.CharField(max_length=64)
    language = models.CharField(max_length=8)
    sources = models.JSONField(default=list)  # networks as text; empty: from anywhere
    made_at = models.DateTimeField()
    mailed = models.PositiveSmallIntegerField(default=1)  # how often the sponsor had it sent
    wrong_codes = models.PositiveSmallIntegerField(default=0)  # since ``wrong_since``
    wrong_since = models.DateTimeField(null=True, blank=True)
    locked_until = models.DateTimeField(null=True, blank=True)  # too many wrong codes
    finished_at = models.DateTimeField(null=True, blank=True)  # the vendor was done

    def __str__(self) -> str:
        return f"{self.name} to {self.access_request_id}"


class InvitationKey(models.Model):
    """The secret part of an address that was mailed, as its digest. Made when the letter is
    written; an attempt that is repeated makes another and voids the one before."""

    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="keys")
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 in hexadecimal
    prefix = models.CharField(max_length=8)  # by which people may name it
    notice_id = models.BigIntegerField()  # of the letter that carries it
    made_at = models.DateTimeField()
    void_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.prefix


class VendorBrowser(models.Model):
    """A browser that asked for a code, and may open the session once it gave the right one."""

    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="browsers")
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of its cookie
    made_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True, blank=True)  # it gave the right code
    ended_at = models.DateTimeField(null=True, blank=True)  # signed out, or replaced
    address = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["seen_at"], name="vendor_browser_seen"),
        ]

    def __str__(self) -> str:
        return f"a browser of {self.invitation_id}"


class VendorCode(models.Model):
    """A one-time code, asked for by one browser. It is made when its letter is written, so until
    then there is nothing that could be right."""

    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="codes")
    browser = models.ForeignKey(VendorBrowser, on_delete=models.CASCADE, related_name="codes")
    asked_at = models.DateTimeField()
    digest = models.CharField(max_length=64, blank=True)  # HMAC-SHA-256, bound to the browser
    sent_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(digest="", sent_at__isnull=True, expires_at__isnull=True)
                | (~Q(digest="") & Q(sent_at__isnull=False, expires_at__isnull=False)),
                name="vendor_code_sent_pair",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["invitation", "-asked_at"], name="vendor_code_asked"),
        ]

    def __str__(self) -> str:
        return f"a code of {self.invitation_id}"


class TermsAccepted(models.Model):
    """Which terms, in which language, and where from. Written once for each version."""

    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="accepted")
    version = models.CharField(max_length=40)
    digest = models.CharField(max_length=64)  # SHA-256 of the text as it was shown
    language = models.CharField(max_length=8)
    at = models.DateTimeField()
    address = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["invitation", "version", "digest"], name="terms_accepted_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version} by {self.invitation_id}"


class MoreTimeAsk(models.Model):
    """A vendor's wish for more time. The sponsor makes a request of it, or says no."""

    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="wishes")
    minutes = models.PositiveIntegerField()
    why = models.TextField()
    at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    # The linked request, where the sponsor asked for it.
    access_request = models.ForeignKey(
        AccessRequest, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    answer = models.TextField(blank=True)  # of a no, for the vendor to read

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True, answered_by__isnull=True)
                | Q(answered_at__isnull=False, answered_by__isnull=False),
                name="more_time_answered_pair",
            ),
            models.UniqueConstraint(
                fields=["invitation"],
                condition=Q(answered_at__isnull=True),
                name="more_time_waits_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.minutes} min for {self.invitation_id}"


class Rotation(models.Model):
    """A login that a vendor's person was given on a machine, to be changed afterwards. Azure knows
    nothing of it, so somebody has to say that it was done."""

    # Written by the engine, which holds the ledger's head when the database would ask for these
    # rows; somebody who asks for access holds them and waits for the head. The grant vouches for
    # both.
    access_request = models.ForeignKey(
        AccessRequest, on_delete=models.PROTECT, related_name="rotations", db_constraint=False
    )
    machine = models.ForeignKey(
        Machine, on_delete=models.PROTECT, related_name="rotations", db_constraint=False
    )
    grant = models.OneToOneField(Grant, on_delete=models.PROTECT, related_name="rotation")
    due_at = models.DateTimeField()  # the end of the access
    reminded = models.PositiveSmallIntegerField(default=0)  # how often
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    note = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(done_at__isnull=True, done_by__isnull=True)
                | Q(done_at__isnull=False, done_by__isnull=False),
                name="rotation_done_pair",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="rotation_owed", condition=Q(done_at=None)),
        ]

    def __str__(self) -> str:
        return f"the login on {self.machine_id}"
