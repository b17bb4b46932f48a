"""What is remembered of links and of the people of vendors. Never a link's address in clear, nor
anything else that lets somebody in."""

from links.models.contacts import VendorContact
from links.models.deletions import Deletion, Fate
from links.models.hosts import LinkHost, SealedLink
from links.models.invitations import (
    Invitation,
    InvitationKey,
    MoreTimeAsk,
    Rotation,
    TermsAccepted,
    VendorBrowser,
    VendorCode,
)

__all__ = [
    "Deletion",
    "Fate",
    "Invitation",
    "InvitationKey",
    "LinkHost",
    "MoreTimeAsk",
    "Rotation",
    "SealedLink",
    "TermsAccepted",
    "VendorBrowser",
    "VendorCode",
    "VendorContact",
]
