"""The second closer's: PostgreSQL, the outside memory, Azure as one identity. It is given no
broker, no keys of sessions or sealed columns, no sign-in and no mail server: it could not use them.
"""

import secrets

from django.core.exceptions import ImproperlyConfigured

from portal.settings.base import *  # noqa: F403
from portal.settings.base import ACCESS_ANCHOR, ACCESS_ANCHOR_KEYS, AZURE_ENDPOINT, LOG_LEVEL
from portal.settings.logs import written_as
from portal.settings.reading import env
from portal.settings.servers import refuse_weak_anchor_keys, short_waits

if not AZURE_ENDPOINT.startswith("https://"):
    raise ImproperlyConfigured("AZURE_ENDPOINT must be https in production.")
ACCESS_ANCHOR_KEYS = refuse_weak_anchor_keys(ACCESS_ANCHOR, ACCESS_ANCHOR_KEYS)
SECRET_KEY = secrets.token_urlsafe(64)  # signs nothing that outlives this process
DEBUG = False
ALLOWED_HOSTS: list[str] = []
DATABASES = {"default": short_waits(env.db("DATABASE_URL"))}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CELERY_BROKER_URL = "memory://"
LOG_FORMAT = env("LOG_FORMAT", default="") or "json"
LOGGING = written_as(LOG_FORMAT, LOG_LEVEL)
