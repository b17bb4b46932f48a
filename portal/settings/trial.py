"""Production's parts (PostgreSQL, Redis, several processes) with simulated Azure and demo
sign-in, for trying the compose file. Answers on this machine's own addresses only."""

from portal.settings.base import *  # noqa: F403
from portal.settings.base import FIELD_KEYS, LOG_LEVEL, PORTAL_URL
from portal.settings.logs import written_as
from portal.settings.reading import ROOT, env
from portal.settings.servers import (
    CELERY_BROKER_TRANSPORT_OPTIONS,
    database,
    redis_cache,
)
from portal.settings.simulated import DEMO_FIELD_KEY, PRINCIPALS

SECRET_KEY = env("SECRET_KEY", default="trial-demo-only-not-a-secret")
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
DATABASES = {"default": database(env.db("DATABASE_URL"))}
CACHES = redis_cache(env("REDIS_URL"))
STATIC_ROOT = env("STATIC_ROOT", default=str(ROOT / "staticfiles"))
WHITENOISE_USE_FINDERS = True
CELERY_BROKER_URL = env("REDIS_URL")
LOG_FORMAT = env("LOG_FORMAT", default="") or "json"
LOGGING = written_as(LOG_FORMAT, LOG_LEVEL)

AZURE_SIMULATED = True
(
    AZURE_READER_CLIENT_ID,
    AZURE_OPENER_CLIENT_ID,
    AZURE_CLOSER_CLIENT_ID,
    AZURE_KEEPER_CLIENT_ID,
    AZURE_SECOND_CLOSER_CLIENT_ID,
) = PRINCIPALS
AZURE_ENDPOINT = env("AZURE_ENDPOINT", default="http://127.0.0.1:8790")
VENDOR_BASTION_STAND_IN = AZURE_ENDPOINT  # for a browser on this machine
AZURE_SUBSCRIPTIONS = []
ACCESS_DEMO_SIGN_IN = True
PORTAL_URL = PORTAL_URL or "http://127.0.0.1:8000"
FIELD_KEYS = FIELD_KEYS or [DEMO_FIELD_KEY]

__all__ = ["CELERY_BROKER_TRANSPORT_OPTIONS"]
