"""What goes with a request for a link: the contact is kept, the invitation made, and whoever it is
for is written to. Each inside the transaction of what it goes with; nothing here may fail for what
can wait.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from access import ledger, notices, policy
from access.clock import db_now
from access.errors import Invalid, WrongState
from access.models import AccessRequest, Grant
from access.states import GrantState
from links.mailboxes import blocked_at, contact_at
from links.models import Invitation, Rotation, VendorContact
from links.particulars import stranger_problem

OF_A_REQUEST = ("pk", "access_request_id", "state", "opened_at")
SOON = timedelta(minutes=5)  # who is told that it opens at once is not told again when it is open


def submitted(asked: AccessRequest) -> None:
    """The contact, as its sponsor gave and checked it. Raises ``Invalid`` where somebody else kept,
    changed or blocked it since the request was judged, which was before it was locked."""
    details = asked.details
    if not details:
        return
    checked_now = details["checked_at"] == asked.created_at.isoformat()
    contact, new = _kept(asked)
    if new:
        _record("vendor.contact_kept", asked, contact)
        return
    _check_same(contact, asked, checked_now=checked_now)
    if checked_now:
        contact.checked_at, contact.checked_by = asked.created_at, asked.requester
        contact.save(update_fields=["checked_at", "checked_by"])
        _record("vendor.contact_checked", asked, contact)


def granted(asked: AccessRequest, grants: Sequence[Grant]) -> None:
    """An invitation, and a letter that carries its address. Raises ``WrongState`` where the person
    was blocked meanwhile, or nobody answers for them any more: then nothing is approved, be it for
    more time or anew."""
    _check_not_blocked(asked)
    _check_sponsored(asked)
    if asked.extends_id is not None:
        _tell_of_more(asked)
        return
    contact = contact_at(asked.vendor_mail)
    if not asked.details or contact is None or not grants:
        return  # asked for before there were invitations, or invited already
    details = asked.details
    made = Invitation.objects.create(
        access_request=asked,
        contact=contact,
        name=asked.vendor_name,
        company=asked.vendor_company,
        mail=asked.vendor_mail,
        alias=details["alias"],
        credentials=details["credentials"],
        zone=details["zone"],
        language=details["language"],
        sources=details["sources"],
        made_at=db_now(),
    )
    invite(made)


def invite(invitation: Invitation) -> None:
    """Queue the letter with the address; again where ``mailed`` was counted on."""
    key = f"{invitation.access_request.reference}.invited.{invitation.mailed}"
    tell_vendor("visit.invited", invitation, key=key)


def told(events: Sequence[tuple[str, Grant]]) -> None:
    """Called by the engine: see ``Kind.told``."""
    invitations = _invitations_of({grant.access_request_id for _, grant in events})
    ours = [each for each in events if each[1].access_request_id in invitations]
    closed = [grant for event, grant in ours if event == "grant.closed"]
    _owe_rotations(grant for grant in closed if grant.opened_at is not None)
    over = _over_with(closed)
    with notices.together():
        for event, grant in ours:
            invitation = invitations[grant.access_request_id]
            if event == "grant.opened" and grant.starts_at > invitation.made_at + SOON:
                tell_vendor("visit.opened", invitation, key=f"{_reference(invitation)}.opened")
        for last, was_open in over:
            _tell_of_end(invitations[last.access_request_id], last, was_open=was_open)


def tell_vendor(event: str, invitation: Invitation, *, key: str, **data: Any) -> None:
    """``data``: plain, and nothing that a mail may not hold. ``links.letters`` writes it."""
    facts = {"invitation": invitation.pk, **data}
    asked = invitation.access_request
    notices.tell_outsider(event, key=key, to=invitation.mail, about=asked, data=facts)


def _tell_of_more(asked: AccessRequest) -> None:
    invitation = _invitation_of(asked.extends_id)
    if invitation is not None:
        tell_vendor("visit.lengthened", invitation, key=f"{asked.reference}.lengthened")


def _owe_rotations(grants: Iterable[Grant]) -> None:
    """Once for each grant, however often it is told of."""
    Rotation.objects.bulk_create(
        [
            Rotation(
                grant=grant,
                access_request_id=grant.access_request_id,
                machine_id=grant.machine_id,
                due_at=grant.due_at or db_now(),
            )
            for grant in grants
        ],
        ignore_conflicts=True,
    )


def _over_with(closed: Sequence[Grant]) -> list[tuple[Grant, bool]]:
    """(a grant, whether any was open) for each request of which the last link was seen to be gone.
    Two gates may close theirs in the same instant: by the lock, one of them sees what the other
    did. Locked in the order of their keys, as everybody does who locks several."""
    first: dict[int, Grant] = {}
    for grant in closed:
        first.setdefault(grant.access_request_id, grant)
    if not first:
        return []
    locked = AccessRequest.objects.filter(pk__in=first).order_by("pk")
    list(locked.select_for_update(no_key=True).values_list("pk", flat=True))
    gone = {grant.pk for grant in closed}
    left: set[int] = set()
    were_open: set[int] = set()
    rows = Grant.objects.filter(access_request__in=first, kind=closed[0].kind)
    for pk, request, state, opened_at in rows.values_list(*OF_A_REQUEST):
        if pk not in gone and state != GrantState.CLOSED:
            left.add(request)
        if opened_at is not None:
            were_open.add(request)
    return [(grant, pk in were_open) for pk, grant in first.items() if pk not in left]


def _tell_of_end(invitation: Invitation, last: Grant, *, was_open: bool) -> None:
    order = getattr(last, "end_order", None)
    how = order.how if order is not None else ""
    key = f"{_reference(invitation)}.ended"
    tell_vendor("visit.ended", invitation, key=key, was_open=was_open, how=how)


def _invitation_of(request_id: int | None) -> Invitation | None:
    mine = Invitation.objects.filter(access_request_id=request_id)
    return mine.select_related("access_request").first()


def _invitations_of(requests: Iterable[int]) -> dict[int, Invitation]:
    rows = Invitation.objects.filter(access_request__in=requests).select_related("access_request")
    return {each.access_request_id: each for each in rows}


def _reference(invitation: Invitation) -> str:
    return invitation.access_request.reference


def _kept(asked: AccessRequest) -> tuple[VendorContact, bool]:
    """Locked, and whether it is new. ``no_key``: an approver of another request for the same person
    refers to it while they hold the ledger's head, which we want next."""
    details, now = asked.details, asked.created_at
    rows = VendorContact.objects.select_for_update(no_key=True, of=("self",))
    return rows.get_or_create(
        mail_key=asked.vendor_mail.casefold(),
        defaults={
            "name": asked.vendor_name,
            "company": asked.vendor_company,
            "mail": asked.vendor_mail,
            "phone": details["phone"],
            "zone": details["zone"],
            "language": details["language"],
            "kept_at": now,
            "kept_by": asked.requester,
            "checked_at": now,
            "checked_by": asked.requester,
        },
    )


def _check_same(contact: VendorContact, asked: AccessRequest, *, checked_now: bool) -> None:
    if contact.blocked_at is not None:
        raise Invalid({"vendor_mail": f"This contact is blocked: {contact.blocked_why}"})
    if wrong := stranger_problem(asked.vendor_name, asked.vendor_company, contact):
        raise Invalid({"vendor_name": wrong})
    if contact.phone != asked.details["phone"]:
        number = f"Their number is kept as {contact.phone}. Change the contact if it moved."
        raise Invalid({"vendor_phone": number})
    if contact.checked_at is None and not checked_now:
        raise Invalid({"vendor_checked": "Their check is void since. Call them and check again."})


def _check_not_blocked(asked: AccessRequest) -> None:
    """Blocked since it was asked for, under this address or another of the same mailbox."""
    blocked = blocked_at(asked.vendor_mail) if asked.vendor_mail else None
    if blocked is not None:
        who = f"{blocked.name} of {blocked.company}"
        raise WrongState(f"{who} was blocked: {blocked.blocked_why}")


def _check_sponsored(asked: AccessRequest) -> None:
    """The engine would open nothing, and the vendor would have been written to for it."""
    if not asked.requester.is_active or not policy.has(asked.requester, policy.Act.ASK):
        name = asked.requester.display_name
        raise WrongState(f"{name} can sponsor nobody any more. Somebody else must ask for this.")


def _record(event: str, asked: AccessRequest, contact: VendorContact) -> None:
    data = {"contact": contact.pk, "name": contact.name, "company": contact.company}
    reference, subject = asked.reference, contact.subject
    ledger.record(event, by=asked.requester, reference=reference, subject=subject, data=data)
