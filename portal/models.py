"""What the portal itself remembers: browsers that are signed in, and the directory as last read."""

from typing import ClassVar

from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from access.models import Person


class Ended(models.TextChoices):
    """By whom a session was ended before its time."""

    PERSON = "person", "the person"
    ADMIN = "admin", "an administrator"
    SYSTEM = "system", "the portal"


class BrowserSession(AbstractBaseSession):
    """One browser. ``session_key`` is the SHA-256 of the cookie's value, so that a copy of the
    database signs nobody in. ``person`` is empty until somebody has signed in. A session that was
    ended stays, without its data, until its time is over: the browser is told who ended it."""

    session_key = models.CharField(max_length=64, primary_key=True)
    person = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.CASCADE, related_name="browser_sessions"
    )
    how = models.CharField(max_length=16, blank=True)  # demo, entra
    signed_in_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)  # of the last request, to the minute
    address = models.CharField(max_length=45, blank=True)  # an IP address
    agent = models.CharField(max_length=200, blank=True)  # what the browser says of itself
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=8, blank=True, choices=Ended.choices)

    class Meta(AbstractBaseSession.Meta):
        abstract = False
        indexes: ClassVar = [models.Index(fields=["person", "-seen_at"], name="session_of_person")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True, ended_by="")
                | models.Q(ended_at__isnull=False, ended_by__in=Ended.values),
                name="session_ended_by_somebody",
            )
        ]

    @classmethod
    def get_session_store_class(cls) -> type:
        from portal.signin.sessions import SessionStore

        return SessionStore


class DirectoryReading(models.Model):
    """One row: what Microsoft Graph last said of people and of step-up. Nothing is decided by it
    alone; people carry what was read of them."""

    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)  # of the last complete reading
    people = models.IntegerField(default=0)
    problem = models.TextField(blank=True)  # fit for administrators to read
    # Whether a Conditional Access policy stands behind the step-up's context. None: not known.
    step_up_guarded = models.BooleanField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(pk=1), name="one_directory_reading")
        ]

    def __str__(self) -> str:
        return f"directory, {self.finished_at}"


class Budget(models.Model):
    """What is left of Azure's token bucket for one subscription, principal and kind of call, as
    far as the portal has spent it, by the database's clock. Below zero: calls that wait for theirs.

    ``shut_until``: Azure said no; nothing is sent until then. ``probe_until``: set from then on,
    until one call was answered: only one is sent at a time. ``closes_told``, ``others_told``: when
    the last who came in vain is to come again.
    """

    subscription = models.CharField(max_length=64, blank=True)  # empty: the tenant's
    principal = models.CharField(max_length=64, blank=True)  # a client id; empty: the process's own
    calls = models.CharField(max_length=8)  # reads, writes, deletes
    tokens = models.FloatField()
    at = models.DateTimeField()
    shut_until = models.DateTimeField(null=True, blank=True)
    probe_until = models.DateTimeField(null=True, blank=True)
    closes_told = models.DateTimeField(null=True, blank=True)
    others_told = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subscription", "principal", "calls"], name="budget_once"
            ),
            models.CheckConstraint(
                condition=models.Q(calls__in=["reads", "writes", "deletes"]), name="budget_calls"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.calls} of {self.subscription}"
