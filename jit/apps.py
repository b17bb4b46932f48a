"""The app's configuration."""

from django.apps import AppConfig


class JitConfig(AppConfig):
    name = "jit"
    default_auto_field = "django.db.models.BigAutoField"
