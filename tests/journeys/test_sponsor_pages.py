"""What a sponsor sees of a vendor's visit: in both schemes and widths, and nothing for axe."""

from __future__ import annotations

import pytest
from django.db import transaction
from playwright.sync_api import Page

from access.clock import db_now
from access.models import Notice
from links import following
from links.models import Invitation
from links.sponsoring import rotations
from links.visiting import evidence, handing, wishing
from links.visiting.caller import Caller
from tests.journeys.conftest import SignIn, violations
from tests.support import estate
from tests.support.cast import Cast
from tests.support.visiting import at_the_door, invited, link_of, opened

pytestmark = pytest.mark.browser
AT_WORK = Caller(
    "198.51.100.7",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
)
ON_THE_WAY = Caller(
    "203.0.113.9",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1",
)


def running(cast: Cast) -> Invitation:
    """The vendor is in, came from two addresses and wishes for more time."""
    invitation = opened(invited(estate.machine(), cast, minutes=120))
    Notice.objects.filter(event="visit.invited").update(state="sent", sent_at=db_now())
    evidence.landed(invitation, AT_WORK, "GET")
    visitor = at_the_door(invitation, caller=AT_WORK)
    handing.hand_over(visitor.browser, 1, AT_WORK)
    evidence.other_address(visitor.browser, ON_THE_WAY)
    wishing.wish(visitor.browser, minutes=45, why="The update hangs at 80 %", caller=AT_WORK)
    return invitation


def over(cast: Cast, name: str) -> Invitation:
    invitation = opened(invited(estate.machine(name, environment="production"), cast))
    grant = link_of(invitation)
    now = db_now()
    grant.due_at = grant.closed_at = now - rotations.OVERDUE_AFTER
    grant.state, grant.close_reason = "closed", "Its time is over."
    grant.save(update_fields=["due_at", "closed_at", "state", "close_reason"])
    with transaction.atomic():
        following.told([("grant.closed", grant)])
    return invitation


def pages(cast: Cast) -> list[str]:
    visit, late, done = running(cast), over(cast, "vm-late"), over(cast, "vm-done")
    row = done.access_request.rotations.get()
    rotations.done(row, note="New password, kept in the vault", by=cast.alice)
    owed = late.access_request.rotations.get()
    here = f"/requests/{visit.access_request.reference}/"
    return [
        "/",
        here,
        f"{here}invitation/",
        f"{here}wish/",
        f"/requests/{late.access_request.reference}/",
        "/vendors/logins/",
        f"/vendors/logins/{owed.pk}/done/",
    ]


def overflows(page: Page) -> bool:
    script = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    return bool(page.evaluate(script))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_for_axe(scheme: str, width: int, people: Cast, sign_in: SignIn) -> None:
    found = {}
    wanted = pages(people)
    page = sign_in("alice", scheme=scheme, width=width)
    for path in wanted:
        page.goto(path)
        if overflows(page):
            found[path] = ["wider than the screen"]
        found[path] = [*found.get(path, []), *violations(page)]
    assert {path: what for path, what in found.items() if what} == {}
