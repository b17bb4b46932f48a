"""Of logins that vendors were given on machines."""

from access.models import Family
from access.notices.wording import Words

WORDS: dict[str, Words] = {
    "rotation.due": Words(
        Family.OPEN,
        "Change the login on {machines}",
        "{vendor} was given a login on {machines}, and their access is over. Closing the link "
        "changes no password: change it, or remove the account, and say that it is done.",
        "Say that it is done",
        page="logins",
        tone="amber",
    ),
    "rotation.overdue": Words(
        Family.SECURITY,
        "Login not changed yet: {machines}",
        "{vendor} was given a login on {machines}. Their access is over for days, and nobody has "
        "said that the login was changed. The sponsor is {requester}.",
        "See which",
        page="logins",
        tone="red",
    ),
}
