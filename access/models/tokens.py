"""Ways to use the API without a browser. No secret is kept here: only what recognises one."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from access.models.people import Person


class Scope(models.TextChoices):
    """What a token may do of what its person may. No scope decides anything: that takes a browser
    and the person themself."""

    READ = "read", "Read what you may see"
    REQUEST = "request", "Ask for access, change and end it, and comment"


class ApiToken(models.Model):
    """A personal token. The secret was shown once; ``digest`` is the SHA-256 of it, in hexadecimal.

    ``prefix`` is public, and names the token to people and to a secret scanner's report.
    """

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField()  # values of Scope
    # The same form sent twice makes one token: its secret cannot be shown a second time.
    submission_key = models.UUIDField(default=uuid.uuid4)
    by_device = models.BooleanField(default=False)  # allowed on a page for a program that asked
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_from = models.CharField(max_length=45, blank=True)  # an IP address
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        indexes: ClassVar = [models.Index(fields=["person", "-created_at"], name="token_of_person")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "submission_key"], name="token_made_once"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="token_ends"),
            models.CheckConstraint(
                condition=Q(revoked_by__isnull=True) | Q(revoked_at__isnull=False),
                name="token_revoked_by_somebody_at_some_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix} of {self.person_id}"


class DeviceSignIn(models.Model):
    """A program without a browser that asks for a personal token (as in RFC 8628).

    Both codes are kept as digests. It ends in one of: allowed and fetched once, refused, run out.
    """

    device_digest = models.CharField(max_length=64, unique=True)  # SHA-256 of a 256-bit code
    user_digest = models.CharField(max_length=64, unique=True)  # keyed: the code is short
    client = models.CharField(max_length=120)  # what the program says of itself: not to be trusted
    asked_from = models.CharField(max_length=45, blank=True)  # an IP address
    scopes = models.JSONField()  # values of Scope
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    polled_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    person = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    allowed = models.BooleanField(null=True)
    token = models.OneToOneField(
        ApiToken, null=True, blank=True, on_delete=models.SET_NULL, related_name="device_sign_in"
    )
    fetched_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(decided_at__isnull=True, allowed__isnull=True, person__isnull=True)
                | Q(decided_at__isnull=False, allowed__isnull=False, person__isnull=False),
                name="device_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(fetched_at__isnull=True) | Q(allowed=True),
                name="device_fetched_what_was_allowed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.client}, {self.created_at:%Y-%m-%d %H:%M}"
