"""Moments as callers send them."""

from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from django.utils.timezone import get_current_timezone
from rest_framework import serializers

from access.walltime import NoSuchTimeError, typed_moment


class MomentField(serializers.DateTimeField):
    """In UTC, whatever zone it was sent in. Without a zone it is of the wall in the caller's own;
    what their clocks skip or show twice is refused, never guessed."""

    def enforce_timezone(self, value: datetime, timezone: tzinfo | None = None) -> datetime:
        zone = timezone or get_current_timezone()
        try:
            return typed_moment(value, zone if isinstance(zone, ZoneInfo) else ZoneInfo("UTC"))
        except NoSuchTimeError as problem:
            raise serializers.ValidationError(str(problem)) from problem
