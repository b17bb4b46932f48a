"""A contact as a row of the list and as a page of its own."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from access.models.requests import REFERENCE_PREFIX
from access.presenters.statuses import Status
from links.models import VendorContact
from links.outsiders import check_is_fresh

BLOCKED = Status("red", "ban", "Blocked")
UNCHECKED = Status("amber", "triangle-alert", "Not checked")
DUE = Status("amber", "hourglass", "Check is due")
CHECKED = Status("green", "shield-check", "Checked")


@dataclass(frozen=True)
class ContactLine:
    """Needs ``links.sponsoring.book.contacts_for``."""

    contact: VendorContact
    now: datetime

    @property
    def status(self) -> Status:
        if self.blocked:
            return BLOCKED
        if self.contact.checked_at is None:
            return UNCHECKED
        return CHECKED if self.fresh else DUE

    @property
    def blocked(self) -> bool:
        return self.contact.blocked_at is not None

    @property
    def fresh(self) -> bool:
        return check_is_fresh(self.contact, self.now)

    @property
    def language(self) -> str:
        return dict(settings.LANGUAGES).get(self.contact.language, self.contact.language)

    @property
    def check_days(self) -> int:
        """For so long a check counts."""
        return int(settings.VENDOR_CHECK_DAYS)

    @property
    def invited(self) -> str:
        """The reference of the last invitation that the reader may see."""
        return _reference(getattr(self.contact, "invited", None))

    @property
    def invited_at(self) -> datetime | None:
        return getattr(self.contact, "invited_at", None)

    @property
    def open(self) -> str:
        """The reference of what is open for them, or on its way to be."""
        return _reference(getattr(self.contact, "open", None))

    @property
    def overdue(self) -> str:
        """The reference of what should be closed and is not, where that was asked for."""
        return _reference(getattr(self.contact, "overdue", None))


def _reference(number: int | None) -> str:
    return f"{REFERENCE_PREFIX}{number:06d}" if number else ""
