"""What the settings with real servers share: PostgreSQL and Redis as the product needs them."""

import base64
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

SHORTEST_KEY, SHORTEST_ANCHOR_KEY, SHORTEST_TOKEN = 50, 40, 32
HTTPS = 443  # the port, where an address says none
HOW_TO_MAKE_A_FIELD_KEY = (
    'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())" '
    "makes one."
)

# max_retries 0: with Redis away a publish otherwise blocks the web request for seconds. What a
# worker has held for the visibility timeout is given out once more, also where it lives and is
# behind: it would then hold it twice, and so on. What died with a worker the next sweep asks for.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 24 * 3600,
    "max_retries": 0,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
}

# A server that fell silent (a cable, a firewall that forgot, a machine that is gone) would hold a
# thread for a quarter of an hour, or for ever where nothing was on its way. Seconds, but the last.
CUT_OFF = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


def database(parsed: dict[str, Any]) -> dict[str, Any]:
    """A ``DATABASES`` entry from a URL; only PostgreSQL can run several workers safely."""
    if parsed.get("ENGINE") != "django.db.backends.postgresql":
        raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database.")
    pool = {"min_size": 1, "max_size": 20, "timeout": 5}
    options = {**CUT_OFF, **parsed.get("OPTIONS", {}), "pool": pool}
    return {**parsed, "OPTIONS": options, "CONN_HEALTH_CHECKS": True}


def short_waits(parsed: dict[str, Any]) -> dict[str, Any]:
    """The same for the second closer, which goes on without a database that does not answer. Nine
    seconds at most: to connect, for a statement, and for a server that was cut off."""
    options = database(parsed)["OPTIONS"]
    options.pop("pool")
    options |= {
        "connect_timeout": 3,
        "keepalives_idle": 3,
        "keepalives_interval": 2,
        "tcp_user_timeout": 5000,
        "options": "-c statement_timeout=5000 -c lock_timeout=3000",
    }
    return {**parsed, "OPTIONS": options, "CONN_MAX_AGE": 0}


def redis_cache(url: str) -> dict[str, Any]:
    if not url.startswith(("redis://", "rediss://")):
        raise ImproperlyConfigured("REDIS_URL must be a redis:// or rediss:// address.")
    return {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": url,
            "OPTIONS": {"serializer": "portal.web.plain_cache.Plain"},  # its own runs code
        }
    }


def refuse_weak_key(key: str) -> str:
    if len(key) < SHORTEST_KEY or "demo" in key or key.startswith("django-insecure"):
        raise ImproperlyConfigured(f"SECRET_KEY must be random and {SHORTEST_KEY} or longer.")
    return key


def refuse_weak_field_keys(keys: list[str]) -> list[str]:
    """Newest first. Each is a Fernet key: 32 random bytes in base64."""
    if not keys:
        raise ImproperlyConfigured(f"FIELD_KEYS must be set. {HOW_TO_MAKE_A_FIELD_KEY}")
    for key in keys:
        try:
            Fernet(key)
        except ValueError as error:
            raise ImproperlyConfigured(
                f"FIELD_KEYS holds what is no key. {HOW_TO_MAKE_A_FIELD_KEY}"
            ) from error
        if base64.urlsafe_b64decode(key).startswith(b"demo"):
            raise ImproperlyConfigured("FIELD_KEYS holds the demo's key, which everybody knows.")
    return keys


def refuse_weak_metrics_token(token: str) -> None:
    if token and len(token) < SHORTEST_TOKEN:
        raise ImproperlyConfigured(
            f"METRICS_TOKEN must be random and {SHORTEST_TOKEN} characters or longer, or empty."
        )


def refuse_weak_anchor_keys(place: str, keys: list[str]) -> list[str]:
    """Newest first; needed where something is remembered outside the database."""
    if place and not keys:
        raise ImproperlyConfigured("ACCESS_ANCHOR_KEYS must be set where ACCESS_ANCHOR is.")
    if place.startswith("http://"):
        raise ImproperlyConfigured("ACCESS_ANCHOR must be https, or a folder.")
    if any(len(key) < SHORTEST_ANCHOR_KEY or "demo" in key for key in keys):
        raise ImproperlyConfigured(
            f"ACCESS_ANCHOR_KEYS must be random and {SHORTEST_ANCHOR_KEY} or longer, each."
        )
    return keys


def refuse_unsafe_visits(vendors: str, portals: str, allowed: list[str]) -> None:
    """``vendors``: where vendors' pages are, empty for under the portal's own address."""
    if not vendors:
        return
    found, ours = urlsplit(vendors), urlsplit(portals)
    is_plain = not (found.path or found.query or found.fragment or "@" in found.netloc)
    if found.scheme != "https" or not found.hostname or not is_plain:
        raise ImproperlyConfigured("VENDOR_URL must be https in production, and a host alone.")
    if found.hostname not in allowed:
        raise ImproperlyConfigured(f"ALLOWED_HOSTS must name {found.hostname}, of VENDOR_URL.")
    if (found.hostname, found.port or HTTPS) == (ours.hostname, ours.port or HTTPS):
        raise ImproperlyConfigured("VENDOR_URL must be another host than PORTAL_URL, or empty.")
