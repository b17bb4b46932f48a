"""One notice as a message: the same words for every channel, before any of them dresses it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from django.utils import timezone

from access.delivery.facts import Facts, facts_of, is_production, name_of, visible, ways
from access.delivery.letters import is_letter
from access.delivery.links import link_to
from access.models import Notice
from access.notices.words import words_for


@dataclass(frozen=True)
class Message:
    """``rows`` are (label, value); ``quotes`` are (label, what somebody wrote)."""

    event: str
    reference: str
    subject: str
    sentence: str
    action: str
    link: str
    tone: str
    rows: list[tuple[str, str]] = field(default_factory=list)
    quotes: list[tuple[str, str]] = field(default_factory=list)
    production: bool = False

    @property
    def title(self) -> str:
        """The subject with its reference: what a list of mails shows."""
        return f"{self.reference}: {self.subject}" if self.reference else self.subject


def message_of(notice: Notice, zone: tzinfo) -> Message:
    with timezone.override(zone):
        return _message(notice)


def _message(notice: Notice) -> Message:
    letter = is_letter(notice.event)  # of which nothing is shown but that it is one
    words = words_for(notice.event)
    data = {} if letter else notice.data
    facts = facts_of(data, notice.reference)
    return Message(
        event=notice.event,
        reference=notice.reference,
        subject=visible(words.subject.format_map(facts), longest=200),
        sentence=" ".join(words.sentence.format_map(facts).split()),
        action=words.action,
        link=link_to(words.page, notice.reference),
        tone=words.tone,
        rows=list(_rows(notice, data, facts)),
        quotes=list(_quotes(facts, said=words.sentence)),
        production=is_production(data),
    )


def _rows(notice: Notice, data: Mapping[str, Any], facts: Facts) -> Iterator[tuple[str, str]]:
    if "requester" in facts:
        yield "Who", facts["requester"]
    if facts.get("vendor"):
        yield "For", facts["vendor"]
    if "machines" in facts:
        yield "Machine", facts["machines"]
    if is_production(data):
        yield "Environment", "Production"
    if way := ways(data):
        yield "Way in", way
    if facts.get("window") and not notice.event.startswith("deputy."):  # no access, and said above
        yield "Window", facts["window"]
    if facts.get("ticket"):
        yield "Ticket", facts["ticket"]
    if facts.get("extends"):
        yield "More time for", name_of(facts["extends"])
    if notice.reference:
        yield "Reference", notice.reference


def _quotes(facts: Facts, *, said: str) -> Iterator[tuple[str, str]]:
    if facts.get("reason"):
        yield "Reason", facts["reason"]
    if facts.get("why") and "{why}" not in said:
        yield "Why", facts["why"]
    for name, label in (("question", "Question"), ("answer", "Answer"), ("note", "Note")):
        if facts.get(name):
            yield label, facts[name]
    if facts.get("comment"):
        yield f"Comment{facts['by_whom']}", facts["comment"]
