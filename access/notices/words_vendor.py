"""Of vendors' people: what they do, for who invited them, and the letters that they are sent."""

from access.models import Family
from access.notices.wording import Words

# As lists and sentences name them. What they say is for their reader alone.
LETTERS = {
    "visit.invited": "the invitation",
    "visit.opened": "the letter that it is open",
    "visit.lengthened": "the letter that there is more time",
    "visit.ended": "the letter that it has ended",
    "visit.code": "the letter with a code",
    "visit.wish_declined": "the letter that there is no more time",
}
WORDS: dict[str, Words] = {
    "vendor.asks_more_time": Words(
        Family.OPEN,
        "{vendor} asks for more time on {machines}",
        "{vendor} asks for {more} more. Ask for it, and an approver decides, or say no. Without an "
        "answer access ends as it stands.",
        "Answer",
        page="wish",
        tone="amber",
    ),
    "vendor.finished": Words(
        Family.OPEN,
        "{vendor} is finished on {machines}",
        "{vendor} needs the access no longer, and all of it is being ended now. It counts as "
        "closed when Azure shows it.",
        "See how it stands",
        tone="green",
    ),
    "vendor.locked": Words(
        Family.SECURITY,
        "Too many wrong codes: {vendor}",
        "Somebody with the invitation of {vendor} typed too many wrong codes, so that no code is "
        "taken{until_unlocked}. Call them: if it was not them, send the invitation again or end "
        "the access.",
        "Open the request",
        tone="red",
    ),
    "vendor.two_addresses": Words(
        Family.SECURITY,
        "From two addresses: {vendor}",
        "The access that was opened for {vendor} is used from more than one address: {addresses}. "
        "Call them: if it is not them, end the access.",
        "Open the request",
        tone="red",
    ),
    "vendor.guessing": Words(
        Family.SECURITY,
        "Somebody guesses at vendors' invitations",
        "Many addresses of invitations that do not exist were asked for from {address}. None of "
        "them let anybody in, and further ones from there are turned away for a while.",
        "Open Bastion Access",
        page="home",
        tone="amber",
    ),
    "vendor.letter_failed": Words(
        Family.OPEN,
        "A letter did not reach {vendor}",
        "{vendor} did not get {letter}. {why} Check the mail address with them on the phone.",
        "Open the request",
        tone="red",
    ),
    **{
        event: Words(
            Family.OPEN,
            f"To a vendor: {name}",
            "What it says is for its reader alone, and is not kept.",
            tone="grey",
        )
        for event, name in LETTERS.items()
    },
}
