"""The mail server of the notices' stories takes letters, too."""

from tests.access.notices.conftest import _mail_server, inbox

__all__ = ["_mail_server", "inbox"]
