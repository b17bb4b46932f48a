"""Mail: the same words as HTML and as text, one message for one person.

The messages of one request are one thread. A repeated delivery carries the same identity, by
which mail systems may fold it. Nothing in a message acts, and nothing in it tells us that it was
read.
"""

import smtplib
from collections.abc import Sequence
from datetime import tzinfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import BadHeaderError, EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.validators import validate_email
from django.template.loader import render_to_string

from access.delivery.links import base, host, link_to, settings_link
from access.delivery.message import Message
from access.delivery.outcome import Never, NotNow, NotThis, Outcome, Sent
from access.models import Notice

NO_SERVER = "No mail server is configured (EMAIL_HOST)."
NO_ADDRESS = "No mail address is known that could be written to."
LASTING = 500  # from here on a mail server's answer means: not later either
COLOURS = {
    "blue": "#1c6ad6",
    "green": "#1d7a3e",
    "amber": "#a65f00",
    "red": "#c02b2b",
    "grey": "#5f6b7a",
}


def is_configured() -> bool:
    return bool(settings.EMAIL_HOST)


def is_writable(address: str) -> bool:
    """One plain address: nothing that a mail system could read as two, or as a header."""
    try:
        validate_email(address)
    except ValidationError:
        return False
    return address.isascii() and "," not in address


def mail_of(
    notices: Sequence[Notice], messages: Sequence[Message], to: str, zone: tzinfo
) -> EmailMultiAlternatives:
    """One notice, or several of one person as a digest."""
    first, message = notices[0], messages[0]
    many = len(messages) > 1
    subject = f"{len(messages)} requests wait for your decision" if many else message.title
    context = {
        "subject": subject,
        "messages": messages,
        "many": many,
        "all": link_to("approvals") if many else "",
        "settings": settings_link(),
        "for_person": first.person_id is not None,
        "portal": base(),
        "zone": str(zone),
        "colours": COLOURS,
    }
    mail = EmailMultiAlternatives(
        subject=subject,
        body=render_to_string("notices/mail.txt", context),
        to=[to],
        headers=_headers(first, many=many),
    )
    mail.attach_alternative(render_to_string("notices/mail.html", context), "text/html")
    return mail


def send(mail: EmailMultiAlternatives, connection: BaseEmailBackend) -> Outcome:
    mail.connection = connection
    try:
        connection.open()  # nothing, where it is open
        return Sent() if mail.send() else NotNow("The mail server took nothing.")
    except smtplib.SMTPRecipientsRefused as refused:
        code = next(code for code, _ in refused.recipients.values())
        why = f"The mail server does not take mail for this address ({code})."
        return NotThis(why, lasting=code >= LASTING)
    except smtplib.SMTPDataError as error:
        why = f"The mail server did not take this message ({error.smtp_code})."
        return NotThis(why, lasting=error.smtp_code >= LASTING)
    except (BadHeaderError, UnicodeError, ValueError):
        return Never("The message could not be written as mail.")
    except smtplib.SMTPResponseException as error:
        return NotNow(f"The mail server answered {error.smtp_code}.")
    except (smtplib.SMTPException, OSError) as error:
        return NotNow(f"The mail server did not answer ({type(error).__name__}).")


def connection() -> BaseEmailBackend:
    """Opened by its first message and kept for the next ones."""
    made: BaseEmailBackend = get_connection()
    return made


def _headers(notice: Notice, *, many: bool) -> dict[str, str]:
    headers = {
        "Message-ID": f"<notice-{notice.pk}@{host()}>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    if notice.person_id is not None:
        headers["List-Unsubscribe"] = f"<{settings_link()}>"
    if notice.reference and not many:
        thread = f"<{notice.reference.lower()}@{host()}>"
        headers |= {"References": thread, "In-Reply-To": thread}
    return headers
