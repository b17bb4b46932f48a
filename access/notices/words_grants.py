"""Of what is open, and of more time for it."""

from access.models import Family
from access.notices.wording import Words

WORDS: dict[str, Words] = {
    # Open and closed
    "grant.opened": Words(
        Family.OPEN,
        "Open: {machines}",
        "Access to {machines} is open for {requester}{until}. It closes by itself.",
        "See how to connect",
        tone="green",
    ),
    "grant.could_not_open": Words(
        Family.OPEN,
        "Could not be opened: {machines}",
        "Access to {machines} could not be opened for {requester}, and nothing was open. {why}",
        "See why",
        tone="amber",
    ),
    "grant.ended_unopened": Words(
        Family.OPEN,
        "Ended before it opened: {machines}",
        "Access to {machines} for {requester} was ended before anything was open. {why}",
        tone="grey",
    ),
    "grant.closed": Words(
        Family.OPEN,
        "Closed: {machines}",
        "Azure shows that {machines} is closed for {requester}. {why}",
        tone="grey",
    ),
    "grant.end_ordered": Words(
        Family.OPEN,
        "Ending early: {machines}",
        "{by} ended access to {machines} before its time. It counts as closed when Azure shows it.",
        tone="amber",
    ),
    "grant.revoked": Words(
        Family.OPEN,
        "Revoked: {machines}",
        "Access to {machines} for {requester} was revoked{by_whom}. Whoever is connected is "
        "disconnected.",
        "Read why",
        tone="red",
    ),
    "grant.ends_in_15": Words(
        Family.ENDING,
        "Ends in 15 minutes: {machines}",
        "Access to {machines} ends{at_end}. Save your work, or ask for more time now: somebody "
        "has to approve it before the end.",
        "Ask for more time",
        page="more-time",
        tone="amber",
    ),
    "grant.ends_in_5": Words(
        Family.ENDING,
        "Ends in 5 minutes: {machines}",
        "Access to {machines} ends{at_end}. Then it is closed, and whoever is connected is "
        "disconnected.",
        "Ask for more time",
        page="more-time",
        tone="amber",
    ),
    "grant.overdue": Words(
        Family.SECURITY,
        "Overdue, still open: {machines}",
        "The time of {requester} on {machines} is over, and Azure has not shown it closed. Closing "
        "is tried until it is. {why}",
        "See what is open",
        page="open-now",
        tone="red",
    ),
    # More time
    "extension.submitted": Words(
        Family.DECIDING,
        "{requester} asks for more time on {machines}",
        "{requester} is there now and waits for a decision. Without one, access ends as it "
        "stands.{deadline}",
        "Review the request",
        own=True,
    ),
    "extension.approved": Words(
        Family.DECIDED,
        "More time: {machines}",
        "More time on {machines} was approved{by_whom}. Access now lasts{until}.",
        tone="green",
    ),
    "extension.approved_by_rule": Words(
        Family.DECIDED,
        "More time: {machines}",
        "More time on {machines} was approved by a rule of the policy. Access now lasts{until}.",
        tone="green",
    ),
    "extension.denied": Words(
        Family.DECIDED,
        "No more time: {machines}",
        "More time on {machines} was denied{by_whom}. Access ends when it would have.",
        "Read why",
        tone="grey",
    ),
    "extension.lapsed": Words(
        Family.DECIDED,
        "No more time: {machines}",
        "Nobody decided on more time for {machines} before its end.",
        tone="grey",
    ),
}
