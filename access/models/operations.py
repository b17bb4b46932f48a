"""Signs of life of the parts that must never be missing."""

from django.db import models


class Heartbeat(models.Model):
    """When a named part was last seen working, by the database clock."""

    name = models.CharField(max_length=32, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
