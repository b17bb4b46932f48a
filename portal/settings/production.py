"""PostgreSQL, Redis, real Azure. Refuses to start with anything from the demo."""

import sys

from django.core.exceptions import ImproperlyConfigured

from portal.settings.base import *  # noqa: F403
from portal.settings.base import AZURE_ENDPOINT, EMAIL_HOST, FIELD_KEYS, PORTAL_URL, ROOT, env
from portal.settings.servers import (
    CELERY_BROKER_TRANSPORT_OPTIONS,
    database,
    redis_cache,
    refuse_weak_field_keys,
    refuse_weak_key,
)

if "portal.settings.embedded" in sys.modules or env.bool("AZURE_SIMULATED", default=False):
    raise ImproperlyConfigured("Production settings cannot be combined with simulated Azure.")
if not AZURE_ENDPOINT.startswith("https://"):
    raise ImproperlyConfigured("AZURE_ENDPOINT must be https in production.")
if env.bool("ACCESS_DEMO_SIGN_IN", default=False):
    raise ImproperlyConfigured("The demo sign-in does not exist in production.")
if env.bool("NOTICES_ALLOW_LOOPBACK", default=False):
    raise ImproperlyConfigured("NOTICES_ALLOW_LOOPBACK does not exist in production.")
if EMAIL_HOST and not env("EMAIL_FROM", default=""):
    raise ImproperlyConfigured("EMAIL_FROM must name the sender where EMAIL_HOST is set.")

SECRET_KEY = refuse_weak_key(env("SECRET_KEY"))
DEBUG = False
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
if not ALLOWED_HOSTS or "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS must name the portal's own host names.")
PORTAL_URL = PORTAL_URL or f"https://{ALLOWED_HOSTS[0]}"
if not PORTAL_URL.startswith("https://"):
    raise ImproperlyConfigured("PORTAL_URL must be https in production.")
FIELD_KEYS = refuse_weak_field_keys(FIELD_KEYS)
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS]
DATABASES = {"default": database(env.db("DATABASE_URL"))}
CACHES = redis_cache(env("REDIS_URL"))
STATIC_ROOT = env("STATIC_ROOT", default=str(ROOT / "staticfiles"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
CELERY_BROKER_URL = env("REDIS_URL")

SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_TLS_PROXY", default=False) else None
)
SECURE_HSTS_SECONDS = 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-session"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-csrf"

__all__ = ["CELERY_BROKER_TRANSPORT_OPTIONS"]
