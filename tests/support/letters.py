"""Letters to people of vendors as they arrive: what is read of them, and moves that lead to one."""

from __future__ import annotations

import re
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

from django.db import transaction

from access.delivery.worker import deliver
from access.models import Notice
from links import following
from links.models import Invitation, VendorCode
from links.visiting import codes
from links.visiting.caller import Caller
from tests.support.cast import Cast, approved
from tests.support.estate import machine
from tests.support.receivers import Inbox

CALLER = Caller(address="203.0.113.7", agent="Firefox")
ANSWER = "The release is frozen from then on."
OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("visit.opened", {}),
    ("visit.lengthened", {}),
    ("visit.ended", {"was_open": True, "how": ""}),
    ("visit.wish_declined", {"answer": ANSWER}),
]
VENDOR = "technician@vendor.test"
ADDRESS = re.compile(r"https?://\S+/visit/(bav_\S+)/")
CODE = re.compile(r"^    (\d{8})$", re.MULTILINE)


def invited(cast: Cast, **changes: Any) -> Invitation:
    """Alice asked for V. Technician, Bob approved; the letter waits."""
    changes = {"minutes": 120, "kind": "link", **changes}
    grant = approved(machine(), by=cast.alice, approver=cast.bob, **changes)
    return Invitation.objects.get(access_request=grant.access_request_id)


def tell_vendor(event: str, invitation: Invitation, *, key: str = "once", **data: Any) -> None:
    with transaction.atomic():
        following.tell_vendor(event, invitation, key=key, **data)


def code_asked(invitation: Invitation) -> str:
    """The cookie of the browser that asked for one."""
    return codes.ask(invitation, cookie="", caller=CALLER)


def arrived(inbox: Inbox) -> list[EmailMessage]:
    """The letters to the vendor that came since the last look."""
    for _ in range(3):
        deliver("mail")
    found = inbox.to_whom(VENDOR)
    inbox.raw.clear()
    return found


def all_letters(invitation: Invitation, inbox: Inbox) -> list[EmailMessage]:
    """One of each sort."""
    if not Notice.objects.filter(event="visit.invited").exists():
        tell_vendor("visit.invited", invitation, key="anew")
    VendorCode.objects.all().delete()
    code_asked(invitation)
    for event, data in OTHERS:
        tell_vendor(event, invitation, **data)
    return arrived(inbox)


def part(mail: EmailMessage, subtype: str = "plain") -> str:
    body = mail.get_body((subtype,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def token_in(mail: EmailMessage) -> str:
    found = ADDRESS.search(part(mail))
    assert found is not None
    return found[1]


def code_in(mail: EmailMessage) -> str:
    found = CODE.search(part(mail))
    assert found is not None
    return found[1]


def read(html: str) -> str:
    """What a reader of the HTML reads, one line for each piece."""
    reader = _Reader()
    reader.feed(html)
    return "\n".join(reader.pieces)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.hidden = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.hidden = tag if tag in ("style", "title") else self.hidden

    def handle_endtag(self, tag: str) -> None:
        self.hidden = "" if tag == self.hidden else self.hidden

    def handle_data(self, data: str) -> None:
        if data.strip() and not self.hidden:
            self.pieces.append(data.strip())
