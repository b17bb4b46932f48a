"""What is written of what happens, and how: see ``portal/logs``."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured

# Django's, of requests that it refuses or that break down. They say the path.
OF_REFUSALS = ("django.request", "django.security.csrf", "django.server")
# Of these only what went wrong: at their lower levels they tell of addresses, headers and rows.
RESERVED = ("azure", "msal", "urllib3", "celery", "kombu", "waitress", "psycopg", "django.db")


def written_as(form: str, level: str) -> dict[str, Any]:
    """``form``: ``line`` for people, ``json`` for machines."""
    if form not in {"line", "json"}:
        raise ImproperlyConfigured("LOG_FORMAT must be line or json.")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {"()": "portal.logs.OneLine"},
            "json": {"()": "portal.logs.OneObject"},
        },
        "filters": {
            "no-bodies": {"()": "portal.logs.tasks.NoBodies"},
            "no-addresses": {"()": "portal.logs.requests.NoAddresses"},
        },
        "handlers": {"out": {"class": "logging.StreamHandler", "formatter": form}},
        "root": {"handlers": ["out"], "level": level},
        "loggers": {
            **{name: {"level": "WARNING"} for name in RESERVED},
            "django": {"handlers": [], "level": "INFO"},  # no mail to ADMINS, no second line
            **{
                name: {"handlers": [], "filters": ["no-addresses"], "propagate": True}
                for name in OF_REFUSALS
            },
            "celery.worker.consumer.consumer": {"filters": ["no-bodies"]},
        },
    }
