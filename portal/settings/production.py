"""PostgreSQL, Redis, real Azure. Refuses to start with anything from the demo."""

import sys

from django.core.exceptions import ImproperlyConfigured

from portal.settings.base import *  # noqa: F403
from portal.settings.base import (
    ACCESS_ANCHOR,
    ACCESS_ANCHOR_KEYS,
    AZURE_ENDPOINT,
    CONTENT_SECURITY_POLICY,
    EMAIL_HOST,
    ENTRA_AUTHORITY,
    ENTRA_CERTIFICATE_FILE,
    ENTRA_CLIENT_ID,
    ENTRA_CLIENT_SECRET,
    ENTRA_FEDERATED_TOKEN_FILE,
    ENTRA_GRAPH,
    ENTRA_ISSUER,
    ENTRA_TENANT_ID,
    FIELD_KEYS,
    LOG_LEVEL,
    METRICS_TOKEN,
    PORTAL_URL,
    VENDOR_BASTION_STAND_IN,
    VENDOR_URL,
)
from portal.settings.logs import written_as
from portal.settings.reading import ROOT, env
from portal.settings.servers import (
    CELERY_BROKER_TRANSPORT_OPTIONS,
    database,
    redis_cache,
    refuse_unsafe_visits,
    refuse_weak_anchor_keys,
    refuse_weak_field_keys,
    refuse_weak_key,
    refuse_weak_metrics_token,
)
from portal.signin.entra.settings import refuse_two_credentials, refuse_unsafe

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
if not ENTRA_GRAPH.startswith("https://"):
    raise ImproperlyConfigured("ENTRA_GRAPH must be https in production.")
refuse_unsafe(ENTRA_TENANT_ID, ENTRA_CLIENT_ID, ENTRA_AUTHORITY, ENTRA_ISSUER)
refuse_two_credentials(ENTRA_CLIENT_SECRET, ENTRA_CERTIFICATE_FILE, ENTRA_FEDERATED_TOKEN_FILE)

SECRET_KEY = refuse_weak_key(env("SECRET_KEY"))
# Keys of before, until what they signed is over: see docs/hardening.md.
SECRET_KEY_FALLBACKS = [
    refuse_weak_key(key)
    for key in env("SECRET_KEY_FALLBACKS", default="").replace(",", " ").split()
]
DEBUG = False
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
if not ALLOWED_HOSTS or "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS must name the portal's own host names.")
PORTAL_URL = PORTAL_URL or f"https://{ALLOWED_HOSTS[0]}"
if not PORTAL_URL.startswith("https://"):
    raise ImproperlyConfigured("PORTAL_URL must be https in production.")
refuse_unsafe_visits(VENDOR_URL, PORTAL_URL, ALLOWED_HOSTS)
if env("VENDOR_BASTION_STAND_IN", default="") or VENDOR_BASTION_STAND_IN:
    raise ImproperlyConfigured("VENDOR_BASTION_STAND_IN does not exist in production.")
FIELD_KEYS = refuse_weak_field_keys(FIELD_KEYS)
ACCESS_ANCHOR_KEYS = refuse_weak_anchor_keys(ACCESS_ANCHOR, ACCESS_ANCHOR_KEYS)
refuse_weak_metrics_token(METRICS_TOKEN)
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS]
DATABASES = {"default": database(env.db("DATABASE_URL"))}
CACHES = redis_cache(env("REDIS_URL"))
STATIC_ROOT = env("STATIC_ROOT", default=str(ROOT / "staticfiles"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
CELERY_BROKER_URL = env("REDIS_URL")
LOG_FORMAT = env("LOG_FORMAT", default="") or "json"
LOGGING = written_as(LOG_FORMAT, LOG_LEVEL)

SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
BEHIND_TLS_PROXY = env.bool("BEHIND_TLS_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS_PROXY else None
TRUSTED_PROXIES = int(env("TRUSTED_PROXIES", default="") or BEHIND_TLS_PROXY)
if TRUSTED_PROXIES and not BEHIND_TLS_PROXY:
    raise ImproperlyConfigured("TRUSTED_PROXIES counts proxies, and BEHIND_TLS_PROXY says none.")
SECURE_HSTS_SECONDS = 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-session"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-csrf"
THEME_COOKIE_NAME = "__Host-theme"
MESSAGE_COOKIE_NAME = "__Host-messages"
VENDOR_COOKIE_NAME = "__Host-visit"
VENDOR_LANGUAGE_COOKIE_NAME = "__Host-visit-language"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        **CONTENT_SECURITY_POLICY["DIRECTIVES"],
        "upgrade-insecure-requests": True,
    }
}

__all__ = ["CELERY_BROKER_TRANSPORT_OPTIONS"]
