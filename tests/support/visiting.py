"""A vendor's person in the stories: invited, let in by a code, at the door.

``invited`` asks and approves; ``opened_by_engine`` has the workers open it in simulated Azure;
``opened`` writes what they would write, for stories in which Azure does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from access.clock import db_now
from access.models import Grant, Machine, Notice
from access.states import GrantState
from links import keeping
from links.models import Invitation, VendorBrowser, VendorCode
from links.visiting import browsers, codes, keys, terms
from links.visiting.caller import Caller
from tests.support.cast import Cast, approved, run_engine

FROM_HOME = Caller("198.51.100.7", "Firefox at home")
FROM_ELSEWHERE = Caller("203.0.113.9", "Safari on the way")
BASTION_PAGE = "https://bst-0000.bastion.azure.com/api/shareable-url/"


@dataclass
class Visitor:
    """A browser, with the cookie that it holds."""

    invitation: Invitation
    cookie: str
    caller: Caller = FROM_HOME

    @property
    def browser(self) -> VendorBrowser:
        found = browsers.browser_for(self.cookie, db_now())
        assert found is not None
        return found


def machine_of_estate(number: int = 0) -> Machine:
    """Of the small estate: one whose port JIT keeps shut."""
    return Machine.objects.filter(jit_ports__isnull=False, os="linux").order_by("name")[number]


def invited(machine: Machine, cast: Cast, **changes: Any) -> Invitation:
    """Alice asks for a link, Bob approves; the letter is queued."""
    grant = approved(machine, by=cast.alice, approver=cast.bob, kind="link", **changes)
    return Invitation.objects.get(access_request=grant.access_request)


def opened_by_engine(cast: Cast, **changes: Any) -> Invitation:
    """Needs the fixture ``live_estate``."""
    invitation = invited(machine_of_estate(), cast, **changes)
    run_engine()
    assert link_of(invitation).state == GrantState.OPEN
    return invitation


def opened(invitation: Invitation) -> Invitation:
    """As if Azure had shown link and window open."""
    now = db_now()
    for grant in Grant.objects.filter(access_request=invitation.access_request):
        grant.state, grant.opened_at = GrantState.OPEN, now
        grant.save(update_fields=["state", "opened_at"])
        if grant.kind == "link":
            keeping.keep({grant.pk: f"{BASTION_PAGE}token-of-{grant.pk}"})
    return invitation


def link_of(invitation: Invitation, number: int = 1) -> Grant:
    links = Grant.objects.filter(access_request=invitation.access_request, kind="link")
    return links.order_by("pk")[number - 1]


def token_of(invitation: Invitation) -> str:
    """The secret part of the address in the letter, as the notifier makes it."""
    letter = Notice.objects.filter(event="visit.invited", data__invitation=invitation.pk)
    return keys.mint(invitation, notice_id=letter.latest("pk").pk)


def asks(invitation: Invitation, *, cookie: str = "", caller: Caller = FROM_HOME) -> Visitor:
    return Visitor(invitation, codes.ask(invitation, cookie=cookie, caller=caller), caller)


def code_for(visitor: Visitor) -> str:
    """The digits in the letter of the newest code that this browser asked for."""
    asked = VendorCode.objects.filter(browser=visitor.browser).latest("pk")
    made = codes.make(asked.pk)
    assert made is not None
    return made[0]


def wrong(digits: str) -> str:
    """Eight digits that are not these."""
    return f"{(int(digits) + 1) % 10**8:08d}"


def gives(visitor: Visitor, typed: str) -> Visitor:
    """The browser holds the new cookie."""
    visitor.cookie = codes.give(visitor.browser, typed, visitor.caller)
    return visitor


def comes_in(invitation: Invitation, *, caller: Caller = FROM_HOME) -> Visitor:
    """Asks for a code, and gives it."""
    visitor = asks(invitation, caller=caller)
    return gives(visitor, code_for(visitor))


def accepts_terms(visitor: Visitor, language: str = "en") -> Visitor:
    shown = terms.current(language)
    terms.accept(
        visitor.browser,
        version=shown.version,
        digest=shown.digest,
        language=language,
        caller=visitor.caller,
    )
    return visitor


def at_the_door(invitation: Invitation, *, caller: Caller = FROM_HOME) -> Visitor:
    """All that is left is to open the session."""
    return accepts_terms(comes_in(invitation, caller=caller))


def codes_age(invitation: Invitation, **by: float) -> None:
    """Time goes by for the codes of an invitation and its browsers, and for nothing else."""
    shift = timedelta(**by)
    for code in VendorCode.objects.filter(invitation=invitation):
        code.asked_at -= shift
        code.sent_at = code.sent_at and code.sent_at - shift
        code.expires_at = code.expires_at and code.expires_at - shift
        code.save(update_fields=["asked_at", "sent_at", "expires_at"])
