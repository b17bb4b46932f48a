"""The second closer's in the trial: simulated Azure, on this machine."""

import secrets

from portal.settings.base import *  # noqa: F403
from portal.settings.base import LOG_LEVEL
from portal.settings.logs import written_as
from portal.settings.reading import env
from portal.settings.servers import short_waits
from portal.settings.simulated import PRINCIPALS

SECRET_KEY = secrets.token_urlsafe(64)  # signs nothing that outlives this process
DEBUG = False
ALLOWED_HOSTS: list[str] = []
DATABASES = {"default": short_waits(env.db("DATABASE_URL"))}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CELERY_BROKER_URL = "memory://"
LOG_FORMAT = env("LOG_FORMAT", default="") or "json"
LOGGING = written_as(LOG_FORMAT, LOG_LEVEL)

AZURE_SIMULATED = True
AZURE_SECOND_CLOSER_CLIENT_ID = PRINCIPALS[-1]
AZURE_ENDPOINT = env("AZURE_ENDPOINT", default="http://127.0.0.1:8790")
