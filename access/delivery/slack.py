"""Slack, by an incoming webhook: blocks, and the same as plain text for lists and readers.

Slack reads ``& < >`` as its own marks, so they are escaped, and what people wrote is plain text,
in which no other mark counts. It answers 200 and ``ok``.
"""

import json
from typing import Any

from access.delivery.message import Message
from access.delivery.outcome import NotThis, Outcome, Sent, judged
from access.outbound import Answer

MARKS = {"green": "🟢", "amber": "🟠", "red": "🔴", "blue": "🔵"}
HEADER, SECTION, BUTTON, ROWS = 150, 2900, 75, 5


def body_of(message: Message) -> bytes:
    mark = MARKS.get(message.tone, "⚪")
    blocks = [
        {"type": "header", "text": _plain(f"{mark} {message.subject}", HEADER)},
        {"type": "section", "text": _plain(message.sentence)},
        *_fields(message),
        *(block for label, text in message.quotes for block in _quote(label, text)),
        _button(message),
        {"type": "context", "elements": [_plain(_foot(message))]},
    ]
    text = escaped(f"{message.title}. {message.sentence}")
    return json.dumps({"text": text, "blocks": blocks, "unfurl_links": False}).encode()


def judge(answer: Answer) -> Outcome:
    outcome = judged(answer, good=frozenset({200}))
    if isinstance(outcome, Sent) and answer.body.strip() not in (b"ok", b""):
        return NotThis("Slack answered, but not with ok.")
    return outcome


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str, longest: int = SECTION) -> dict[str, Any]:
    return {"type": "plain_text", "text": _short(text, longest), "emoji": False}


def _short(text: str, longest: int) -> str:
    """Escaped, and no longer than Slack takes: else who writes ``&`` often enough would have it
    refuse the message, and the channel would not be told."""
    found: list[str] = []
    left = longest - 1
    for char in map(escaped, text):
        left -= len(char)
        if left < 0:
            return escaped(text) if len(escaped(text)) <= longest else f"{''.join(found)}…"
        found.append(char)
    return "".join(found)


def _fields(message: Message) -> list[dict[str, Any]]:
    """Labels on the left, values on the right; ten fields are the most that a section takes."""
    rows = [row for row in message.rows if row[0] != "Reference"]
    return [
        {
            "type": "section",
            "fields": [
                field
                for label, value in part
                for field in ({"type": "mrkdwn", "text": f"*{label}*"}, _plain(value))
            ],
        }
        for part in (rows[start : start + ROWS] for start in range(0, len(rows), ROWS))
    ]


def _quote(label: str, text: str) -> list[dict[str, Any]]:
    return [
        {"type": "context", "elements": [_plain(label)]},
        {"type": "section", "text": _plain(text)},
    ]


def _button(message: Message) -> dict[str, Any]:
    button = {
        "type": "button",
        "text": _plain(message.action, BUTTON),
        "url": message.link,
        "action_id": "open",
    }
    if message.tone == "blue":
        button["style"] = "primary"
    return {"type": "actions", "elements": [button]}


def _foot(message: Message) -> str:
    name = f"{message.reference} in Bastion Access" if message.reference else "Bastion Access"
    return f"{name}. Times are in UTC."
