"""``manage.py check --deploy``: what nobody would notice until the database is gone."""

from typing import Any

from django.conf import settings
from django.core import checks

NO_ANCHOR = (
    "ACCESS_ANCHOR is empty: nothing is remembered outside the database. The second closer does "
    "nothing while PostgreSQL is away, and nobody notices that a backup was restored."
)


@checks.register(checks.Tags.security, deploy=True)
def anchored(app_configs: Any, **_: Any) -> list[checks.CheckMessage]:  # noqa: ARG001
    if settings.ACCESS_ANCHOR:
        return []
    return [checks.Warning(NO_ANCHOR, hint="See docs/backup.md.", id="portal.W001")]
