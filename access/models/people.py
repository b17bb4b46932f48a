"""People and the roles they hold. Identity is tenant and object id, never a mail address."""

from collections.abc import Iterable
from functools import cached_property
from typing import ClassVar
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models


class Role(models.TextChoices):
    ENGINEER = "engineer", "Engineer"
    APPROVER = "approver", "Approver"
    ADMIN = "admin", "Administrator"
    AUDITOR = "auditor", "Auditor"


class PersonManager(BaseUserManager["Person"]):
    def holding(self, role: Role) -> models.QuerySet["Person"]:
        """Active people who hold the role now, in the order of their names."""
        return self.filter(is_active=True, roles__role=role).order_by("display_name", "pk")


class Person(AbstractBaseUser):
    """Somebody who can sign in. There are no passwords here: another service vouches."""

    password = None  # type: ignore[assignment]
    tenant_id = models.CharField(max_length=64)
    object_id = models.CharField(max_length=64)
    display_name = models.CharField(max_length=200)
    mail = models.CharField(max_length=254, blank=True)  # shown, never compared
    zone = models.CharField(max_length=64, default="UTC")  # an IANA time zone name
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(auto_now_add=True)

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
        return frozenset(self.roles.values_list("role", flat=True))

    def holds(self, *roles: Role) -> bool:
        """True when the person is active and holds at least one of the roles."""
        return self.is_active and not self.held_roles.isdisjoint(_values(roles))

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


def _values(roles: Iterable[Role]) -> set[str]:
    return {role.value for role in roles}
