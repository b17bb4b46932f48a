"""The demo's policy: put in force once, before anybody has written another."""

from pathlib import Path

from access.models import PolicyVersion
from access.services.policies import install_first

FILE = Path(__file__).with_suffix(".yaml")
NOTE = "The demo's policy."


def seed_policy() -> None:
    """Safe to repeat: whatever people proposed or put in force stays."""
    if not PolicyVersion.objects.exists():
        install_first(FILE.read_text(), note=NOTE)
