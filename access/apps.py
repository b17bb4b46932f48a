"""The core's app configuration."""

from typing import ClassVar

from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "access"
    verbose_name = "Access"
    default_auto_field = "django.db.models.BigAutoField"
    sealed: ClassVar = {"Endpoint": ("address", "secret", "old_secret")}  # for ``reseal``
