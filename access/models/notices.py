"""The outbox: what is to be told to whom, and how far that got. Written with the change itself."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from access.models.people import Person

MAIL_ROUTE = "mail"


class Channel(models.TextChoices):
    MAIL = "mail", "Mail"
    TEAMS = "teams", "Microsoft Teams"
    SLACK = "slack", "Slack"
    WEBHOOK = "webhook", "Webhook"


class EndpointKind(models.TextChoices):
    TEAMS = "teams", "Microsoft Teams"
    SLACK = "slack", "Slack"
    WEBHOOK = "webhook", "Webhook"


class NoticeState(models.TextChoices):
    QUEUED = "queued", "Waiting"
    SENT = "sent", "Sent"
    GIVEN_UP = "given-up", "Given up"
    NOT_SENT = "not-sent", "Not sent"  # there was no way, or no need any more; ``problem`` says


class Family(models.TextChoices):
    """What people switch on and off. Security is for nobody to switch off."""

    DECIDING = "deciding", "Requests that wait for a decision"
    DECIDED = "decided", "What becomes of requests"
    OPEN = "open", "Access that opens and closes"
    ENDING = "ending", "Access that ends soon"
    RULES = "rules", "Policies and deputies"
    SECURITY = "security", "Security: break-glass, overdue, drift, lockdown"


class Endpoint(models.Model):
    """A channel or a service that is told. Its address is a secret of its own: who knows it can
    write there. So it is kept encrypted, and only its host is shown."""

    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=EndpointKind.choices)
    host = models.CharField(max_length=253)  # of the address, to be recognised by
    address = models.TextField()  # sealed
    secret = models.TextField(blank=True)  # sealed; signs what a webhook is sent
    old_secret = models.TextField(blank=True)  # sealed; signs as well, while it is rotated
    families = models.JSONField(default=list)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            # Of an expression: renaming then takes no lock that would keep notices to it waiting.
            models.UniqueConstraint(Lower("name"), name="endpoint_name"),
            models.CheckConstraint(condition=Q(kind__in=EndpointKind.values), name="endpoint_kind"),
            models.CheckConstraint(
                condition=(Q(kind="webhook") & ~Q(secret=""))
                | (~Q(kind="webhook") & Q(secret="", old_secret="")),
                name="endpoint_signs_webhooks",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def route(self) -> str:
        return f"endpoint-{self.pk}"


class Route(models.Model):
    """The way to one endpoint, or to the mail server: one worker at a time, and a pause after an
    attempt in vain. ``name`` is what notices know it by; the row comes with its first delivery."""

    name = models.CharField(max_length=40, unique=True)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    pause_until = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)  # one after another
    problem = models.TextField(blank=True)
    tried_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)  # last time that it worked

    def __str__(self) -> str:
        return self.name


class Notice(models.Model):
    """One occasion for one recipient: a person, an endpoint, or the security contact."""

    event = models.CharField(max_length=64)
    key = models.CharField(max_length=200)  # names the occasion; told once to each recipient
    recipient = models.CharField(max_length=300)  # ``person-7``, ``endpoint-2``, ``contact-a@b``
    person = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="notices"
    )
    endpoint = models.ForeignKey(
        Endpoint, null=True, blank=True, on_delete=models.PROTECT, related_name="notices"
    )
    contact = models.CharField(max_length=254, blank=True)  # a mail address of the settings
    channel = models.CharField(max_length=8, choices=Channel.choices)
    route = models.CharField(max_length=40)
    reference = models.CharField(max_length=32, blank=True)
    data = models.JSONField(default=dict)
    digest = models.BooleanField(default=False)  # waits to be sent with others, in one mail
    state = models.CharField(max_length=8, choices=NoticeState.choices, default=NoticeState.QUEUED)
    attempts = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField()
    problem = models.TextField(blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["event", "key", "recipient", "channel"], name="notice_once"
            ),
            models.CheckConstraint(
                condition=Q(person__isnull=False, endpoint__isnull=True, contact="")
                | Q(person__isnull=True, endpoint__isnull=False, contact="")
                | (Q(person__isnull=True, endpoint__isnull=True) & ~Q(contact="")),
                name="notice_one_recipient",
            ),
            models.CheckConstraint(
                condition=Q(endpoint__isnull=True, channel="mail")
                | Q(endpoint__isnull=False, channel__in=["teams", "slack", "webhook"]),
                name="notice_channel",
            ),
            models.CheckConstraint(condition=Q(state__in=NoticeState.values), name="notice_state"),
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False)
                | (~Q(state="sent") & Q(sent_at__isnull=True)),
                name="notice_sent_pair",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["given-up", "not-sent"]) | ~Q(problem=""),
                name="notice_says_why",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["route", "not_before"], name="notice_due", condition=Q(state="queued")
            ),
            models.Index(fields=["reference"], name="notice_by_reference"),
            models.Index(fields=["person", "-id"], name="notice_by_person"),
            models.Index(fields=["endpoint", "-id"], name="notice_by_endpoint"),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.recipient}"


class Digest(models.TextChoices):
    OFF = "off", "One mail for each"
    HOURLY = "hourly", "One mail an hour"
    DAILY = "daily", "One mail a day"


class NoticePreference(models.Model):
    """What a person wants by mail. Without a row: everything, at once."""

    person = models.OneToOneField(
        Person, on_delete=models.CASCADE, related_name="notice_preference"
    )
    muted = models.JSONField(default=list)  # families
    digest = models.CharField(max_length=8, choices=Digest.choices, default=Digest.OFF)
    digest_hour = models.PositiveSmallIntegerField(default=8)  # in the person's zone, for daily

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(digest__in=Digest.values), name="notice_preference_digest"
            ),
            models.CheckConstraint(condition=Q(digest_hour__lte=23), name="notice_preference_hour"),
        ]

    def __str__(self) -> str:
        return f"of {self.person_id}"
