"""A letter that does not arrive: whoever invited must hear of it, since its reader cannot."""

from access import notices
from access.models import Notice
from access.notices.words_vendor import LETTERS
from links.models import Invitation


def undelivered(notice: Notice, problem: str) -> None:
    """Tells the sponsor, once for each letter, however often it is tried. Inside the transaction
    that writes the failure down."""
    rows = Invitation.objects.select_related("access_request__requester")
    invitation = rows.filter(pk=notice.data.get("invitation", 0)).first()
    if invitation is None or invitation.access_request.reference != notice.reference:
        return
    asked = invitation.access_request
    notices.tell(
        "vendor.letter_failed",
        key=f"{asked.reference}.letter.{notice.pk}",
        to=[asked.requester],
        about=asked,
        data={"letter": LETTERS.get(notice.event, ""), "problem": problem},
    )
