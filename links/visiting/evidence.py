"""What is written down of a visit. Each line has the address and what the browser says it is.

Who holds the mailed address, or a mere guess at it, may repeat what they do: what is no news is
written so often and no more, so that nobody fills the ledger.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from access import ledger, notices
from access.clock import db_now
from access.ledger import Outsider
from access.models import LedgerEntry
from access.origin import network_of
from links.models import Invitation, VendorBrowser
from links.visiting.caller import Caller
from links.visiting.errors import Refusal

AN_HOUR = timedelta(hours=1)
# Of one event and invitation an hour, of what can be repeated without effect: from one address,
# so that it does not hide what comes from another, and from all together.
MOST_OF_ADDRESS, MOST_OF_ALL = 30, 100
MOST_ADDRESSES = 20  # that are told of for one invitation
LONGEST_NAME = 200
REFUSED = ".refused"


def outsider_of(invitation: Invitation) -> Outsider:
    """Who it was made for. Whether it is them is for the code to show."""
    name = f"{invitation.name}, {invitation.company}"[:LONGEST_NAME]
    return Outsider(key=f"vendor/{invitation.contact_id}", name=name)


def note(
    event: str, invitation: Invitation, caller: Caller, *, outcome: str = "success", **data: Any
) -> LedgerEntry:
    """One line, in the caller's transaction. ``data``: no secrets. ``subject`` in it is the
    machine's resource key and goes where lines have it."""
    return ledger.record(
        event,
        by=outsider_of(invitation),
        reference=invitation.access_request.reference,
        subject=str(data.pop("subject", "")),
        outcome=outcome,
        data={**data, **caller.evidence},
    )


@contextmanager
def one_transaction(event: str, invitation: Invitation, caller: Caller) -> Iterator[None]:
    """The outermost transaction of a service. A ``Refusal`` undoes it, and leaves a line."""
    try:
        with transaction.atomic(durable=True):
            yield
    except Refusal as refusal:
        refused(event, invitation, caller, refusal)
        raise


def refused(event: str, invitation: Invitation, caller: Caller, refusal: Refusal) -> None:
    """After what was refused is undone."""
    name = f"{event}{REFUSED}"
    with transaction.atomic():
        if not _is_enough(_recent(name, invitation), caller):
            note(name, invitation, caller, outcome="denied", reason=refusal.code)


def landed(invitation: Invitation, caller: Caller, method: str) -> None:
    """Somebody, or a program that looks at links in mails, asked for the mailed address. Once an
    hour for each address and browser; it changes nothing else and gives no right to anything."""
    recent = _recent("vendor.landed", invitation)
    known = recent.filter(data__address=caller.address, data__agent=caller.agent)
    if known.exists() or _is_enough(recent, caller):
        return
    with transaction.atomic():
        note("vendor.landed", invitation, caller, method=method)


def other_address(browser: VendorBrowser, caller: Caller) -> None:
    """A verified browser comes from an address that is not the first: a line and a notice to the
    sponsor and the overseers, once for each address. Of IPv6 a network counts as one address."""
    network = network_of(caller.address)
    if not network or network in _networks(browser.invitation):
        return
    with transaction.atomic():
        seen_from(lock(browser.invitation), caller)


def seen_from(locked: Invitation, caller: Caller) -> None:
    """The same, under the invitation's lock."""
    network, known = network_of(caller.address), _networks(locked)
    if not known or network in {"", *known} or len(known) > MOST_ADDRESSES:
        return
    note("vendor.other_address", locked, caller, outcome="denied", network=network)
    asked = locked.access_request
    notices.tell_overseers(
        "vendor.two_addresses",
        key=f"{asked.reference}.from.{network}",
        about=asked,
        to=[asked.requester],
        data={"addresses": sorted({*known, network}), "name": locked.name},
    )


def lock(invitation: Invitation) -> Invitation:
    """As it is now; whatever changes something of the same invitation waits. First of all locks,
    and the ledger's the last."""
    rows = Invitation.objects.select_for_update(of=("self",), no_key=True)
    joined = rows.select_related("access_request__requester", "contact")
    return joined.get(pk=invitation.pk)


def _networks(invitation: Invitation) -> set[str]:
    """From which verified browsers came so far."""
    verified = invitation.browsers.filter(verified_at__isnull=False)
    lines = LedgerEntry.objects.filter(
        reference=invitation.access_request.reference, event="vendor.other_address"
    )
    told = {str(data.get("network", "")) for data in lines.values_list("data", flat=True)}
    first = {network_of(address) for address in verified.values_list("address", flat=True)}
    return (first | told) - {""}


def _recent(event: str, invitation: Invitation) -> QuerySet[LedgerEntry]:
    reference = invitation.access_request.reference
    return LedgerEntry.objects.filter(reference=reference, event=event, at__gt=db_now() - AN_HOUR)


def _is_enough(recent: QuerySet[LedgerEntry], caller: Caller) -> bool:
    of_address = recent.filter(data__address=caller.address).count()
    return of_address >= MOST_OF_ADDRESS or recent.count() >= MOST_OF_ALL
