"""The project package as an app: commands, sign-in, health, and the wiring of Celery."""

from django.apps import AppConfig
from django.conf import settings


class PortalConfig(AppConfig):
    name = "portal"
    verbose_name = "Portal"

    def ready(self) -> None:
        """Binds ``shared_task`` to our app in every process, the web's included. Traces are loaded
        only where somebody collects them."""
        from portal import celery
        from portal.anchor import checks  # noqa: F401 - it registers itself

        celery.app.set_default()
        if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
            from portal.tracing.starting import start

            start()
