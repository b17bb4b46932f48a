"""Of requests: for those who decide, and for those who asked."""

from access.models import Family
from access.notices.wording import Words

WORDS: dict[str, Words] = {
    # For those who decide
    "request.submitted": Words(
        Family.DECIDING,
        "{requester} asks for access to {machines}",
        "{requester} waits for a decision.{deadline}",
        "Review the request",
        own=True,
    ),
    "request.stage_reached": Words(
        Family.DECIDING,
        "The next approval: {requester} asks for {machines}",
        "The approvals before are given, and {requester} waits for the next.{deadline}",
        "Review the request",
    ),
    "request.changed": Words(
        Family.DECIDING,
        "{requester} changed the request for {machines}",
        "Approvals given before count no more: it needs a decision on what it says now.{deadline}",
        "Review the request",
        tone="amber",
    ),
    "request.answered": Words(
        Family.DECIDING,
        "{requester} answered about {machines}",
        "The question is answered, and {requester} waits for a decision.{deadline}",
        "Review the request",
        own=True,
    ),
    "request.held": Words(
        Family.DECIDING,
        "Needs a new approval: {machines} for {requester}",
        "It was approved, but that approval no longer stands, and nothing is opened until it is "
        "approved anew. {why}",
        "Review the request",
        tone="amber",
    ),
    "request.escalated": Words(
        Family.DECIDING,
        "Still undecided: {requester} asks for {machines}",
        "Nobody has decided yet, so more people are asked.{deadline}",
        "Review the request",
        tone="amber",
    ),
    "request.reminder": Words(
        Family.DECIDING,
        "Still waits: {requester} asks for {machines}",
        "Half the time to decide is over. If nobody decides, the request of {requester} for "
        "{machines} expires{at_deadline}.",
        "Review the request",
        tone="amber",
    ),
    # For those who asked
    "request.asked_back": Words(
        Family.DECIDED,
        "{by} has a question about {machines}",
        "{by} asks something before deciding. Answer on its page; until then it waits.",
        "Answer the question",
        tone="amber",
    ),
    "request.commented": Words(
        Family.DECIDED,
        "{by} wrote about {machines}",
        "{by} left a comment on the request for {machines}.",
        "Read the comment",
    ),
    "request.approved": Words(
        Family.DECIDED,
        "Approved: {machines}",
        "Access to {machines} for {requester} was approved{by_whom}. {opens}",
        tone="green",
    ),
    "request.approved_by_rule": Words(
        Family.DECIDED,
        "Approved by the policy: {machines}",
        "Access to {machines} for {requester} was approved by a rule of the policy, without people."
        " {opens}",
        tone="green",
    ),
    "request.approved_again": Words(
        Family.DECIDED,
        "Approved anew: {machines}",
        "Access to {machines} for {requester} was approved anew{by_whom}, and opens at its time.",
        tone="green",
    ),
    "request.denied": Words(
        Family.DECIDED,
        "Denied: {machines}",
        "Access to {machines} for {requester} was denied{by_whom}. Nothing is opened.",
        "Read why",
        tone="grey",
    ),
    "request.lapsed": Words(
        Family.DECIDED,
        "Expired unanswered: {machines}",
        "Nobody decided in time on the request of {requester} for {machines}. Nothing is opened; "
        "it can be sent again.",
        "Open the request",
        tone="grey",
    ),
    "request.withdrawn": Words(
        Family.DECIDED,
        "Withdrawn: {machines}",
        "{requester} took the request for {machines} back. Nothing is left to decide.",
        tone="grey",
        own=True,
    ),
    "request.blocked": Words(
        Family.SECURITY,
        "Nobody can decide: {requester} asks for {machines}",
        "The policy names nobody who could decide on the request of {requester} for {machines}. It "
        "waits until an approver is there. {why}",
        tone="red",
    ),
}
