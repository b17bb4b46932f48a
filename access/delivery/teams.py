"""Microsoft Teams, by the "Workflows" webhook: an Adaptive Card in a message.

What people or Azure named stands in text runs, which read no Markdown; a TextBlock, which does,
holds words of ours only. A card has one button, which opens a page. The service answers 202 when
it took the card over.
"""

import json
from typing import Any

from access.delivery.message import Message
from access.delivery.outcome import NotNow, Outcome, Sent, judged
from access.outbound import Answer

CARD = "application/vnd.microsoft.card.adaptive"
SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
STYLES = {"green": "good", "amber": "warning", "red": "attention", "blue": "accent"}
LABELS = "88px"  # the width of the column of labels
LINES = 20  # of a quote; Teams drops a message of more than 28 kB, and says so to nobody


def body_of(message: Message) -> bytes:
    card = {
        "$schema": SCHEMA,
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": "This is told by Bastion Access.",  # it is read as Markdown
        "msteams": {"width": "Full"},
        "body": [
            _head(message),
            _said(message.sentence),
            *(_row(label, value) for label, value in message.rows if label != "Reference"),
            *(_quote(label, text) for label, text in message.quotes),
        ],
        "actions": [{"type": "Action.OpenUrl", "title": message.action, "url": message.link}],
    }
    attachment = {"contentType": CARD, "contentUrl": None, "content": card}
    return json.dumps({"type": "message", "attachments": [attachment]}).encode()


def judge(answer: Answer) -> Outcome:
    """Some tenants answer 200 with an error of Teams in the text."""
    outcome = judged(answer, good=frozenset({200, 202}))
    if isinstance(outcome, Sent) and b"HTTP error 429" in answer.body:
        return NotNow("Teams asked for patience.", answer.retry_after)
    return outcome


def _head(message: Message) -> dict[str, Any]:
    small = [_said(message.reference, size="Small", isSubtle=True)] if message.reference else []
    title = _said(message.subject, size="Medium", weight="Bolder")
    style = STYLES.get(message.tone, "default")
    return {"type": "Container", "style": style, "bleed": True, "items": [*small, title]}


def _row(label: str, value: str) -> dict[str, Any]:
    alarm = {"color": "Attention", "weight": "Bolder"} if label == "Environment" else {}
    name = {"type": "TextBlock", "text": label, "isSubtle": True, "wrap": True}
    columns = [
        {"type": "Column", "width": LABELS, "items": [name]},
        {"type": "Column", "width": "stretch", "items": [_said(value, **alarm)]},
    ]
    return {"type": "ColumnSet", "spacing": "Small", "columns": columns}


def _quote(label: str, text: str) -> dict[str, Any]:
    """Each line of its own: in a text run a line break is a space."""
    given = [line for line in text.split("\n") if line.strip()]
    shown = given if len(given) <= LINES else [*given[: LINES - 1], " ".join(given[LINES - 1 :])]
    lines = [{**_said(line), "spacing": "None"} for line in shown]
    items = [_said(label, size="Small", isSubtle=True), *lines]
    return {"type": "Container", "style": "emphasis", "items": items}


def _said(text: str, **run: Any) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **run}]}
