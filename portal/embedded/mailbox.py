"""The demo's mail: letters are kept as files and read on a page, in place of a mail server.

So vendors can be tried without one: their address and their codes come by mail alone. There is no
such page but with the embedded settings, which answer on this machine only.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

MOST = 40
BETWEEN = b"\n" + b"-" * 79 + b"\n"  # as Django's file backend writes it


@dataclass(frozen=True)
class Mail:
    to: str
    subject: str
    text: str
    at: datetime


@require_safe
def mailbox(request: HttpRequest) -> HttpResponse:
    """The newest first, whoever looks: vendors have no account to sign in with."""
    folder = settings.DEMO_MAIL
    mails = newest(folder) if folder else []
    return render(request, "embedded/mailbox.html", {"mails": mails})


def newest(folder: Path) -> list[Mail]:
    files = sorted(folder.glob("*.log"), key=lambda file: file.stat().st_mtime, reverse=True)
    mails = [mail for file in files[:MOST] for mail in _mails_in(file)]
    return sorted(mails, key=lambda mail: mail.at, reverse=True)[:MOST]


def _mails_in(file: Path) -> list[Mail]:
    parts = [part for part in file.read_bytes().split(BETWEEN) if part.strip()]
    return [_mail(message_from_bytes(part, policy=policy.default)) for part in parts]


def _mail(message: EmailMessage) -> Mail:
    body = message.get_body(("plain",))
    sent = message["Date"].datetime if message["Date"] else datetime.min  # noqa: DTZ901 - see below
    return Mail(
        to=str(message["To"] or ""),
        subject=str(message["Subject"] or ""),
        text=str(body.get_content()).strip() if body else "",
        at=sent if sent.tzinfo else sent.replace(tzinfo=UTC),  # mail's -0000 says UTC and no zone
    )
