"""Signs of life, by the database's clock."""

from datetime import timedelta

from django.db.models.functions import Now

from access.clock import db_now
from access.models import Heartbeat

EVERY = timedelta(seconds=5)


def beat(name: str) -> None:
    """Say that this part lives. Writes at most every few seconds."""
    known = Heartbeat.objects.filter(name=name)
    if not known.filter(at__lt=Now() - EVERY).update(at=Now()) and not known.exists():
        Heartbeat.objects.get_or_create(name=name, defaults={"at": db_now()})
