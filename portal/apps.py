"""The project package as an app: commands, sign-in, health, and the wiring of Celery."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"
    verbose_name = "Portal"

    def ready(self) -> None:
        """Binds ``shared_task`` to our app in every process, the web's included."""
        from portal import celery

        celery.app.set_default()
