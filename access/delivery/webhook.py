"""Any service: JSON, signed, so that it can tell our word from anybody's.

``X-Bastion-Access-Signature`` is ``v1=`` and the hexadecimal HMAC-SHA256 of
``timestamp.id.body``; while a secret is rotated there are two, with a comma between. The id stays
the same when a delivery is repeated; the timestamp does not.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime

from access.delivery.message import Message
from access.delivery.outcome import Outcome, judged
from access.models import Notice
from access.outbound import Answer

GOOD = frozenset({200, 201, 202, 204})
VERSION = 1


def body_of(notice: Notice, message: Message) -> bytes:
    known = {
        "version": VERSION,
        "id": identity_of(notice),
        "event": notice.event,
        "at": notice.created_at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "reference": notice.reference,
        "subject": message.subject,
        "text": message.sentence,
        "link": message.link,
        "data": notice.data,
    }
    return json.dumps(known, separators=(",", ":"), sort_keys=True).encode()


def headers_of(
    notice: Notice, body: bytes, secrets: Sequence[str], now: datetime
) -> dict[str, str]:
    stamp, identity = str(int(now.timestamp())), identity_of(notice)
    signatures = [f"v1={signed(secret, stamp, identity, body)}" for secret in secrets]
    return {
        "X-Bastion-Access-Id": identity,
        "X-Bastion-Access-Timestamp": stamp,
        "X-Bastion-Access-Signature": ",".join(signatures),
    }


def signed(secret: str, stamp: str, identity: str, body: bytes) -> str:
    text = b".".join((stamp.encode(), identity.encode(), body))
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def judge(answer: Answer) -> Outcome:
    return judged(answer, good=GOOD)


def identity_of(notice: Notice) -> str:
    return f"notice-{notice.pk}"
