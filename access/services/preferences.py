"""What a person wants to be told by mail. What concerns security is not theirs to switch off."""

from collections.abc import Iterable
from dataclasses import dataclass

from access import ledger
from access.errors import Invalid
from access.models import Digest, Family, NoticePreference, Person
from access.services.refusals import one_transaction

HOURS = range(24)


@dataclass(frozen=True)
class Wish:
    """``wanted``: families; security is wanted by everybody. ``digest_hour`` in their zone."""

    wanted: Iterable[str]
    digest: str
    digest_hour: int


def prefer(person: Person, wish: Wish) -> NoticePreference:
    """Raises ``Invalid`` with ``digest`` or ``digest_hour``."""
    wanted = set(wish.wanted) | {Family.SECURITY.value}
    if wish.digest not in Digest.values:
        raise Invalid({"digest": "Choose how the mails come."})
    if wish.digest_hour not in HOURS:
        raise Invalid({"digest_hour": "Choose an hour of the day."})
    muted = [family.value for family in Family if family.value not in wanted]
    with one_transaction("notices.prefer", by=person):
        values = {"muted": muted, "digest": wish.digest, "digest_hour": wish.digest_hour}
        kept, _ = NoticePreference.objects.update_or_create(person=person, defaults=values)
        ledger.record("notices.preferred", by=person, data=values)
    return kept
