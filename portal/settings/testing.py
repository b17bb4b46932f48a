"""SQLite and memory by default; PostgreSQL and Redis where TEST_DATABASE_URL names them."""

import tempfile
from pathlib import Path

from portal.settings.base import *  # noqa: F403
from portal.settings.base import CELERY_BEAT_SCHEDULE
from portal.settings.reading import env
from portal.settings.simulated import DEMO_FIELD_KEY, PRINCIPALS
from portal.settings.sqlite import sqlite

SECRET_KEY = "testing-only"  # noqa: S105
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
_VAR = Path(tempfile.gettempdir())
_URL = env("TEST_DATABASE_URL", default="")
DATABASES = {
    "default": env.db_url("TEST_DATABASE_URL") if _URL else sqlite(_VAR / "unused.sqlite3")
}
if not _URL:
    # A file, because threads (live server, worker) must share it.
    DATABASES["default"]["TEST"] = {"NAME": Path(tempfile.mkdtemp()) / "test.sqlite3"}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
STATIC_ROOT = _VAR / "bastion-access-static"

AZURE_SIMULATED = True
(
    AZURE_READER_CLIENT_ID,
    AZURE_OPENER_CLIENT_ID,
    AZURE_CLOSER_CLIENT_ID,
    AZURE_KEEPER_CLIENT_ID,
    AZURE_SECOND_CLOSER_CLIENT_ID,
) = PRINCIPALS
# Each test names its own simulator.
AZURE_ENDPOINT = VENDOR_BASTION_STAND_IN = "http://127.0.0.1:9"
AZURE_POLL_SECONDS = 0.05
ACCESS_DEMO_SIGN_IN = True
PORTAL_URL = "https://access.example.test"
FIELD_KEYS = [DEMO_FIELD_KEY]
NOTICES_ALLOW_LOOPBACK = True
NOTICES_SECURITY_CONTACT = []
ACCESS_LOOK_SECONDS = 0.0
ACCESS_LOOK_GROWTH = 0.0
ACCESS_LOOK_AROUND_SECONDS = 0.0
ACCESS_AUDIT_SECONDS = 3600.0
ACCESS_WHOLE_SECONDS = 0.0
ACCESS_LISTS_APART = (0.0, 0.0)
CELERY_BROKER_URL = "memory://"
CELERY_BROKER_TRANSPORT_OPTIONS = {"polling_interval": 0.01}
CELERY_BEAT_SCHEDULE = {"sweep": CELERY_BEAT_SCHEDULE["sweep"]}
# Stories ask for a lot; the limits have stories of their own.
ACCESS_MOST_WAITING_OF_PERSON = ACCESS_MOST_WAITING_FOR_MACHINE = 1000
# So is what Azure takes of calls: simulated Azure takes any number unless it is told otherwise.
AZURE_BUDGET_READS = AZURE_BUDGET_WRITES = AZURE_BUDGET_DELETES = (700.0, 1e5)
