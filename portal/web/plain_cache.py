"""What is kept in the cache, as JSON.

Django's own way for Redis is pickle, by which whoever can write to the broker runs code in the web
process. What cannot be read here is no entry.
"""

import json
from typing import Any


class Plain:
    """``django.core.cache.backends.redis``: its ``serializer``."""

    def dumps(self, value: Any) -> int | bytes:
        """A whole number as it is: Redis counts with it."""
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, kept: bytes) -> Any:
        try:
            return json.loads(kept)
        except (ValueError, RecursionError):
            return None
