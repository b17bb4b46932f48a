"""What the settings with real servers share: PostgreSQL and Redis as the product needs them."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured

SHORTEST_KEY = 50

# max_retries 0: with Redis away a publish otherwise blocks the web request for seconds. The
# visibility timeout bounds how long a message held by a dead worker stays unseen.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,
    "max_retries": 0,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
}


def database(parsed: dict[str, Any]) -> dict[str, Any]:
    """A ``DATABASES`` entry from a URL; only PostgreSQL can run several workers safely."""
    if parsed.get("ENGINE") != "django.db.backends.postgresql":
        raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database.")
    options = {**parsed.get("OPTIONS", {}), "pool": {"min_size": 1, "max_size": 8, "timeout": 5}}
    return {**parsed, "OPTIONS": options, "CONN_HEALTH_CHECKS": True}


def redis_cache(url: str) -> dict[str, Any]:
    if not url.startswith(("redis://", "rediss://")):
        raise ImproperlyConfigured("REDIS_URL must be a redis:// or rediss:// address.")
    return {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}}


def refuse_weak_key(key: str) -> str:
    if len(key) < SHORTEST_KEY or "demo" in key or key.startswith("django-insecure"):
        raise ImproperlyConfigured(f"SECRET_KEY must be random and {SHORTEST_KEY} or longer.")
    return key
