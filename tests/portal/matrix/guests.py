"""The people of two vendors in the world: what they were invited to, and how they come.

Both gave their code, each for what alice asked for. The first is invited to two machines, the
second to one: so there is a number that is a door of the one, and none of the other's.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.test import Client

from access.clock import db_now
from access.models import Grant, Person
from links.models import Invitation, MoreTimeAsk, Rotation, VendorContact
from links.visiting import terms, wishing
from links.visiting.caller import Caller
from tests.support import estate
from tests.support.cast import approve, ask, vendor_details
from tests.support.visiting import at_the_door, opened, token_of

HERE = Caller("127.0.0.1", "The matrix")  # as the test client comes: from nowhere else
LONG = 480


@dataclass
class Guests:
    contact: VendorContact  # of the first
    asked: int  # the first one's request, by its reference
    token: str  # of the address that the first was mailed, on the portal's own host
    wish: MoreTimeAsk  # the first one's, unanswered
    rotation: Rotation  # of a machine of the first
    cookies: dict[str, str]  # of browsers that gave a code, by the visitor's name

    @classmethod
    def made(cls, alice: Person, bob: Person) -> Guests:
        first = _invited(alice, bob, "vm-lent-01", "vm-lent-02", vendor_mail="first@vendor.test")
        second = _invited(
            alice, bob, "vm-lent-03", vendor_name="W. Other", vendor_company="Another Ltd",
            vendor_mail="second@another.test",
        )  # fmt: skip
        doors = [at_the_door(invitation, caller=HERE) for invitation in (first, second)]
        wish = wishing.wish(doors[0].browser, minutes=30, why="The restore is slow", caller=HERE)
        grant = Grant.objects.filter(access_request=first.access_request, kind="link").first()
        assert grant is not None
        return cls(
            contact=first.contact,
            asked=first.access_request.reference,
            token=token_of(first),
            wish=wish,
            rotation=Rotation.objects.create(
                access_request=first.access_request, machine=grant.machine, grant=grant,
                due_at=db_now(),
            ),
            cookies={"vendor A": doors[0].cookie, "vendor B": doors[1].cookie},
        )  # fmt: skip


def client_of(cookie: str) -> Client:
    """A browser that holds nothing of the portal's but what a vendor's has."""
    client = Client()
    client.cookies[settings.VENDOR_COOKIE_NAME] = cookie
    return client


def accepted() -> dict[str, Any]:
    shown = terms.current("en")
    return {"version": shown.version, "digest": shown.digest, "language": "en"}


def invitation_form(machine: int) -> dict[str, Any]:
    """As a sponsor fills it for somebody new."""
    told = vendor_details()
    return {
        "submission_key": uuid.uuid4(), "machine": machine, "contact": "",
        "vendor_name": "U. Newcomer", "vendor_company": "Third Ltd",
        "vendor_mail": "newcomer@third.test", "vendor_phone": told["phone"],
        "vendor_checked": "on", "vendor_alias": told["alias"],
        "vendor_credentials": told["credentials"], "vendor_zone": told["zone"],
        "vendor_language": "en", "minutes": "30", "when": "now", "reason": "Disk is full",
        "duties": "on",
    }  # fmt: skip


def _invited(alice: Person, bob: Person, *names: str, **changes: Any) -> Invitation:
    machines = [estate.machine(name, minutes=LONG) for name in names]
    others = tuple((machine.pk, 22) for machine in machines[1:])
    asked = ask(machines[0], by=alice, kind="link", minutes=LONG, others=others, **changes)
    approve(asked, by=bob)
    return opened(Invitation.objects.get(access_request=asked))
