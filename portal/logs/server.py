"""gunicorn's own lines in the form of all others: ``--logger-class portal.logs.server.ServerLog``.

It writes no line for a request, whose address has a query string; ``portal.logs.requests`` does.
"""

from typing import Any

from django.conf import settings
from gunicorn.glogging import Logger

from portal.logs.formats import FORMATS


class ServerLog(Logger):  # type: ignore[misc]  # untyped
    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        formatter = FORMATS[settings.LOG_FORMAT]()
        for handler in [*self.error_log.handlers, *self.access_log.handlers]:
            handler.setFormatter(formatter)

    def access(self, *_args: Any, **_more: Any) -> None:
        """Nothing, whatever the command line says."""
