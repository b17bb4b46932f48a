"""One process, SQLite, a broker in memory, simulated Azure, demo sign-in: ``make run``.

The broker in memory loses every message when the process ends. That is harmless, because the
database alone knows what is due and the next sweep finds it.
"""

from pathlib import Path

from portal.settings.base import *  # noqa: F403
from portal.settings.base import EMAIL_HOST, FIELD_KEYS, LOGGING, PORTAL_URL
from portal.settings.reading import ROOT, env, keys_in
from portal.settings.simulated import DEMO_FIELD_KEY, PRINCIPALS
from portal.settings.sqlite import sqlite

VAR = Path(env("BASTION_ACCESS_VAR", default=str(ROOT / "var")))
ACCESS_ANCHOR = str(VAR / "anchor")
ACCESS_ANCHOR_KEYS = keys_in(VAR)  # made by ``manage.py portal``
SECRET_KEY = "embedded-demo-only-not-a-secret"  # noqa: S105 - refused by production settings
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
DATABASES = {"default": sqlite(VAR / "portal.sqlite3")}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STATIC_ROOT = VAR / "static"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

PORT = env.int("PORT", default=8000)
AZURE_SIM_PORT = env.int("AZURE_SIM_PORT", default=8790)
AZURE_SIMULATED = True
(
    AZURE_READER_CLIENT_ID,
    AZURE_OPENER_CLIENT_ID,
    AZURE_CLOSER_CLIENT_ID,
    AZURE_KEEPER_CLIENT_ID,
    AZURE_SECOND_CLOSER_CLIENT_ID,
) = PRINCIPALS
AZURE_ENDPOINT = VENDOR_BASTION_STAND_IN = f"http://127.0.0.1:{AZURE_SIM_PORT}"
AZURE_SUBSCRIPTIONS = []
ACCESS_DEMO_SIGN_IN = True
PORTAL_URL = PORTAL_URL or f"http://127.0.0.1:{PORT}"
FIELD_KEYS = FIELD_KEYS or [DEMO_FIELD_KEY]
NOTICES_ALLOW_LOOPBACK = True
if not EMAIL_HOST:  # then mail is kept as files, and read at /demo/mail/
    EMAIL_HOST = "the demo's own mailbox"
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = DEMO_MAIL = VAR / "mail"

CELERY_BROKER_URL = "memory://localhost//"
CELERY_BROKER_TRANSPORT_OPTIONS = {"polling_interval": 0.02}
ACCESS_DRIFT_SECONDS = 30.0  # who tries it out need not wait
# Pages that keep themselves fresh would hide in a terminal what matters.
LOGGING["loggers"]["portal.requests"] = {"level": "WARNING"}
LOGGING["loggers"]["portal.azure.calls"] = {"level": "WARNING"}
