"""The embedded portal's outside memory: a folder under its own, with a key made at first start."""

import os
import secrets
from pathlib import Path

from django.conf import settings

from portal.settings.reading import keys_in


def anchored(var: Path) -> None:
    """Whoever throws the database away throws this away, too: it would know too much of it."""
    (var / "anchor").mkdir(exist_ok=True)
    if not settings.ACCESS_ANCHOR_KEYS:
        handle = os.open(var / "anchor.key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48))
        settings.ACCESS_ANCHOR_KEYS = keys_in(var)
