"""Signs of life, by the database's clock."""

from datetime import timedelta

from django.db.models.functions import Now

from access.clock import db_now
from access.models import Heartbeat

EVERY = timedelta(seconds=5)


def beat(name: str) -> None:
    """Say that this part lives. Writes at most every few seconds."""
    if not Heartbeat.objects.filter(name=name, at__gte=Now() - EVERY).exists():
        Heartbeat.objects.update_or_create(name=name, defaults={"at": db_now()})
