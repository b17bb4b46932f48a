"""The environment: read by settings modules, through this, and by nothing else."""

import os
from math import isfinite
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parents[2]
env = environ.FileAwareEnv()  # NAME_FILE reads NAME from a file, for mounted secrets


def keys_in(folder: Path) -> list[str]:
    """What the embedded portal signs its outside memory with, once it has made it."""
    file = folder / "anchor.key"
    return [file.read_text().strip()] if file.exists() else []


# A compose file passes what is not set as empty text, and azure-identity takes that for a secret.
for name in [key for key, value in os.environ.items() if key.startswith("AZURE_") and not value]:
    del os.environ[name]


def bucket(name: str, text: str) -> tuple[float, float]:
    """(so many at once, so many more each second), written "200,10"."""
    try:
        at_once, each_second = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is two numbers, such as 200,10.") from error
    if not (isfinite(at_once) and at_once >= 1 and isfinite(each_second) and each_second > 0):
        raise ImproperlyConfigured(f"{name} cannot be {text}. It is such as 200,10.")
    return at_once, each_second


def share(name: str, part: float) -> float:
    """From 0, nothing, to just below 1, all."""
    if not 0 <= part < 1:
        raise ImproperlyConfigured(f"{name} is a part of one, such as 0.3.")
    return part
