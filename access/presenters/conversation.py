"""What was said about a request, in the order of time: comments, questions, answers, decisions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from access.models import AccessRequest, Comment, CommentKind, Decision, DecisionVerdict, Person
from access.presenters.lines import Lines
from access.services.comments import EVENTS, MOST_COMMENTS, has_part_in

HEADS = {
    CommentKind.COMMENT: ("commented", "message-square"),
    CommentKind.QUESTION: ("asked for more information", "circle-question-mark"),
    CommentKind.ANSWER: ("answered", "reply"),
}
DECIDED = {
    DecisionVerdict.APPROVE: ("approved", "circle-check"),
    DecisionVerdict.DENY: ("denied", "circle-x"),
}


@dataclass(frozen=True)
class Said:
    """One thing somebody said. ``note``: what must be known beside it."""

    id: str
    at: datetime
    who: str
    what: str
    icon: str
    text: str
    note: str = ""
    waits: bool = False  # a question without an answer yet


@dataclass(frozen=True)
class Conversation:
    """``may_ask_back``: in place of a decision. ``must_answer``: the viewer was asked."""

    said: list[Said]
    waits: bool
    may_say: bool
    may_ask_back: bool
    must_answer: bool


def conversation_for(
    access_request: AccessRequest, viewer: Person, lines: Lines, *, may_decide: bool
) -> Conversation:
    """One query, and none where the ledger tells that nothing was said. Needs the decisions with
    who made them."""
    decisions = access_request.decisions.all()  # prefetched, with those who made them
    waits = access_request.is_undecided and access_request.asked_back_at is not None
    since = access_request.asked_back_at if waits else None
    said = [*_comments(_said(access_request, lines), since), *_decisions(decisions)]
    return Conversation(
        said=sorted(said, key=lambda each: each.at),
        waits=waits,
        may_say=may_decide or has_part_in(access_request, viewer),
        may_ask_back=may_decide,
        must_answer=waits and access_request.requester_id == viewer.pk,
    )


def _said(access_request: AccessRequest, lines: Lines) -> Iterable[Comment]:
    if lines.rule_out(EVENTS.values()):
        return []
    return access_request.comments.select_related("by").order_by("at", "pk")[:MOST_COMMENTS]


def _comments(comments: Iterable[Comment], since: datetime | None) -> list[Said]:
    return [
        Said(
            id=f"said-{comment.pk}",
            at=comment.at,
            who=comment.by.display_name,
            what=HEADS[CommentKind(comment.kind)][0],
            icon=HEADS[CommentKind(comment.kind)][1],
            text=comment.text,
            waits=since is not None
            and comment.kind == CommentKind.QUESTION
            and comment.at >= since,
        )
        for comment in comments
    ]


def _decisions(decisions: Iterable[Decision]) -> list[Said]:
    return [
        Said(
            id=f"decided-{decision.pk}",
            at=decision.at,
            who=decision.by.display_name,
            what=_verdict(decision),
            icon=DECIDED[DecisionVerdict(decision.verdict)][1],
            text=decision.comment,
            note=f"No longer counts. {decision.dismissed_why}" if decision.dismissed_at else "",
        )
        for decision in decisions
    ]


def _verdict(decision: Decision) -> str:
    verb = DECIDED[DecisionVerdict(decision.verdict)][0]
    absent = decision.on_behalf_of
    return f"{verb} in the place of {absent.display_name}" if absent else verb
