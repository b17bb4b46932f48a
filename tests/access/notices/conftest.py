"""A mail server, and moves of the outbox that the stories share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.receivers import Inbox, mail_server


@pytest.fixture(scope="session")
def _mail_server() -> Iterator[Inbox]:
    with mail_server() as inbox:
        yield inbox


@pytest.fixture
def inbox(_mail_server: Inbox, settings: Any) -> Inbox:
    """An empty inbox, and the portal pointed at its server."""
    _mail_server.raw.clear()
    _mail_server.to.clear()
    _mail_server.refuse = _mail_server.refuse_address = ""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", _mail_server.port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.DEFAULT_FROM_EMAIL = "Bastion Access <access@example.test>"
    return _mail_server
