"""Whether what somebody fills in is what the policy asks for."""

from access.rules.judgement import Judgement
from access.rules.patterns import ticket_matches


def objections(
    judgement: Judgement, *, minutes: int, ticket: str, ahead: int | None
) -> dict[str, str]:
    """Field to sentence; empty when all is well. ``ahead``: minutes until the start that was asked
    for, ``None`` for what begins as soon as it is approved."""
    if not judgement.allowed:
        return {"policy": judgement.why_not}
    found = {
        "minutes": _length(judgement, minutes),
        "ticket": _ticket(judgement, ticket.strip()),
        "start": _start(judgement, ahead),
    }
    return {field: words for field, words in found.items() if words}


def _length(judgement: Judgement, minutes: int) -> str:
    if minutes <= judgement.max_minutes:
        return ""
    return f"The policy allows at most {judgement.max_minutes} minutes here."


def _ticket(judgement: Judgement, ticket: str) -> str:
    if not ticket:
        return "The policy asks for a ticket here." if judgement.ticket_required else ""
    for pattern in judgement.ticket_patterns:
        if not ticket_matches(pattern, ticket):
            return f"The policy asks for a ticket that matches {pattern} here."
    return ""


def _start(judgement: Judgement, ahead: int | None) -> str:
    if ahead is not None and not judgement.scheduled:
        return "The policy allows access for now only here, not for a later time."
    if (ahead or 0) < judgement.notice_minutes:
        return f"The policy wants this asked {judgement.notice_minutes} minutes ahead."
    return ""
