"""What the second closer is given wherever it runs: PostgreSQL, the outside memory, Azure as one
identity. No broker, no keys of sessions or sealed columns, no sign-in and no mail server: it could
not use them.
"""

import secrets

from portal.settings.base import *  # noqa: F403
from portal.settings.base import LOG_LEVEL
from portal.settings.logs import written_as
from portal.settings.reading import env
from portal.settings.servers import short_waits

SECRET_KEY = secrets.token_urlsafe(64)  # signs nothing that outlives this process
DEBUG = False
ALLOWED_HOSTS: list[str] = []
DATABASES = {"default": short_waits(env.db("DATABASE_URL"))}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CELERY_BROKER_URL = "memory://"
LOG_FORMAT = env("LOG_FORMAT", default="") or "json"
LOGGING = written_as(LOG_FORMAT, LOG_LEVEL)
