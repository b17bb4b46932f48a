"""People and the roles they hold. Identity is tenant and object id, never a mail address."""

from functools import cached_property
from typing import ClassVar
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import F


class Role(models.TextChoices):
    ENGINEER = "engineer", "Engineer"
    APPROVER = "approver", "Approver"
    ADMIN = "admin", "Administrator"
    AUDITOR = "auditor", "Auditor"


class PersonManager(BaseUserManager["Person"]):
    def signed_in(self, person_id: int) -> "Person | None":
        """Who is active, with the roles held at this moment, in one query."""
        rows = list(self.filter(pk=person_id, is_active=True).annotate(role=F("roles__role")))
        if not rows:
            return None
        held = (getattr(row, "role", None) for row in rows)  # a row for each role, or one without
        vars(rows[0])["held_roles"] = frozenset(role for role in held if role)
        return rows[0]


class Person(AbstractBaseUser):
    """Somebody who can sign in. There are no passwords here: another service vouches."""

    password = None  # type: ignore[assignment]
    tenant_id = models.CharField(max_length=64)
    object_id = models.CharField(max_length=64)
    display_name = models.CharField(max_length=200)
    mail = models.CharField(max_length=254, blank=True)  # shown, never compared
    zone = models.CharField(max_length=64, default="UTC")  # an IANA time zone name
    is_active = models.BooleanField(default=True)
    is_guest = models.BooleanField(default=False)  # of another organisation's directory
    # A program with an identity of its own: it reads and asks, and never decides.
    is_application = models.BooleanField(default=False)
    # When the directory last said which roles are held. None: it never did (the demo's people).
    roles_read_at = models.DateTimeField(null=True, blank=True)
    # The human being behind the account: who has two has the same key in both. Empty: unknown.
    person_key = models.CharField(max_length=64, blank=True)
    manager = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="reports"
    )
    joined_at = models.DateTimeField(auto_now_add=True)

    # What the token that speaks for them is for. None: they are here themselves. Not stored.
    scopes: frozenset[str] | None = None

    objects: ClassVar[PersonManager] = PersonManager()
    USERNAME_FIELD = "object_id"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name_plural = "people"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "object_id"], name="person_identity"),
        ]

    def __str__(self) -> str:
        return self.display_name

    @cached_property
    def held_roles(self) -> frozenset[str]:
        """Read once for each HTTP request, because the person is loaded anew for each."""
        return frozenset(row.role for row in self.roles.all())  # no query where prefetched

    @property
    def identity(self) -> str:
        """``tenant/object``: what policies and the ledger call the account."""
        return f"{self.tenant_id}/{self.object_id}"

    def is_same_human(self, other: "Person") -> bool:
        """The same account, or another account of the same human being."""
        same_key = bool(self.person_key) and self.person_key == other.person_key
        return self.pk == other.pk or same_key

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


class PersonRole(models.Model):
    """One role of one person."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="roles")
    role = models.CharField(max_length=16, choices=Role.choices)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "role"], name="person_role_once"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="person_role"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id}: {self.role}"
