"""The hand-off: judged at the instant in which it happens, by the database's clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from access import services
from access.clock import db_now
from access.errors import Invalid
from access.models import Grant, LedgerEntry, Lockdown, Notice
from access.states import GrantState
from links import keeping
from links.models import Invitation, SealedLink
from links.visiting import browsers, handing, terms
from links.visiting.caller import Caller
from links.visiting.errors import Refusal
from links.visiting.standing import Stage, standing_of
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, approve, ask, let_pass, run_engine
from tests.support.estate import machine
from tests.support.visiting import (
    BASTION_PAGE,
    FROM_ELSEWHERE,
    FROM_HOME,
    Visitor,
    accepts_terms,
    asks,
    at_the_door,
    comes_in,
    invited,
    link_of,
    machine_of_estate,
    opened,
    opened_by_engine,
)


@pytest.fixture(autouse=True)
def _bastion_itself(settings: Any) -> None:
    """But for simulated Azure, which has a page of its own in Bastion's place."""
    settings.VENDOR_BASTION_STAND_IN = ""


@pytest.fixture
def visitor(cast: Cast) -> Visitor:
    return at_the_door(opened(invited(machine(), cast)))


def hand_over(visitor: Visitor, number: int = 1) -> str:
    return handing.hand_over(visitor.browser, number, visitor.caller)


def refused(visitor: Visitor, number: int = 1) -> Refusal:
    """Nothing was handed over, and a line says who wanted it."""
    browser = visitor.browser
    with pytest.raises(Refusal) as caught:
        handing.hand_over(browser, number, visitor.caller)
    assert not LedgerEntry.objects.filter(event="vendor.handed_over").exists()
    line = LedgerEntry.objects.filter(event="vendor.hand_over.refused").latest("seq")
    assert (line.outcome, line.data["reason"]) == ("denied", caught.value.code)
    assert (line.data["address"], line.data["agent"]) == (
        visitor.caller.address,
        visitor.caller.agent,
    )
    return caught.value


def test_the_address_is_handed_over_with_a_line_that_does_not_hold_it(visitor: Visitor) -> None:
    grant = link_of(visitor.invitation)
    assert hand_over(visitor) == f"{BASTION_PAGE}token-of-{grant.pk}"
    line = LedgerEntry.objects.get(event="vendor.handed_over")
    assert line.data["grant"] == grant.pk
    assert line.data["link_sha256"] == keeping.digest_of(f"{BASTION_PAGE}token-of-{grant.pk}")
    assert line.data["address"] == FROM_HOME.address
    assert line.subject == grant.machine.resource_key
    assert line.reference == visitor.invitation.access_request.reference
    assert "shareable-url" not in str(line.data)


def test_it_may_be_opened_again_and_each_time_leaves_a_line(visitor: Visitor) -> None:
    assert hand_over(visitor) == hand_over(visitor)
    assert LedgerEntry.objects.filter(event="vendor.handed_over").count() == 2


def test_the_link_that_azure_made_is_handed_over_and_gone_at_the_end(
    live_estate: SimulatedAzure, cast: Cast
) -> None:
    visitor = at_the_door(opened_by_engine(cast))
    (link,) = live_estate.state()["links"]
    tail = link["bsl"].removeprefix("https://")
    assert hand_over(visitor) == f"{live_estate.url}/stand-in/{tail}"
    let_pass(link_of(visitor.invitation), 31)
    run_engine()
    assert live_estate.state()["links"] == []
    browser = visitor.browser
    with pytest.raises(Refusal, match="ended"):
        handing.hand_over(browser, 1, FROM_HOME)
    assert SealedLink.objects.get().sealed == ""


def test_x42_one_second_after_the_end_nothing_is_handed_over(visitor: Visitor) -> None:
    """X-42: no worker has noticed yet, and it is still open in Azure. The page can say when."""
    let_pass(link_of(visitor.invitation), 30 + 1 / 60)
    assert link_of(visitor.invitation).state == GrantState.OPEN
    refusal = refused(visitor)
    assert refusal.code == "ended"
    assert refusal.facts["ended_at"] == link_of(visitor.invitation).ends_at


def test_x42_one_second_before_the_end_it_is(visitor: Visitor) -> None:
    let_pass(link_of(visitor.invitation), 30 - 2 / 60)
    assert hand_over(visitor)


def test_more_time_counts(visitor: Visitor) -> None:
    """An extension moves the end of the grants, and the vendor may go on."""
    let_pass(link_of(visitor.invitation), 31)
    Grant.objects.update(ends_at=db_now() + timedelta(minutes=10))
    assert hand_over(visitor)


def _end(visitor: Visitor, cast: Cast) -> None:
    services.end(link_of(visitor.invitation), by=cast.alice)


def _revoke(visitor: Visitor, cast: Cast) -> None:
    services.end(link_of(visitor.invitation), by=cast.dana, reason="Not them")


def _block(visitor: Visitor, cast: Cast) -> None:
    contact = visitor.invitation.contact
    contact.blocked_at, contact.blocked_by, contact.blocked_why = db_now(), cast.dana, "Left"
    contact.save()


def _unseal(visitor: Visitor, cast: Cast) -> None:
    keeping.purge([link_of(visitor.invitation).pk])


def _shut_the_window(visitor: Visitor, cast: Cast) -> None:
    Grant.objects.filter(kind="window").update(state=GrantState.OPENING, opened_at=None)


def _incident(visitor: Visitor, cast: Cast) -> None:
    """Ordered and not yet confirmed: nothing is ended, and nothing more is opened."""
    now = db_now()
    Lockdown.objects.create(
        scope="all",
        value="",
        reason="Somebody is in",
        ordered_by=cast.dana,
        ordered_at=now,
        lapses_at=now + timedelta(hours=1),
    )


def _reopen(visitor: Visitor, cast: Cast) -> None:
    Grant.objects.update(state=GrantState.OPENING, opened_at=None)


def _spoil(visitor: Visitor, cast: Cast) -> None:
    SealedLink.objects.update(sealed="gAAAAA")


def _of_another(visitor: Visitor, cast: Cast) -> None:
    """What was sealed for one grant stands in the row of another."""
    grant = link_of(visitor.invitation)
    other = opened(invited(machine("vm-2"), cast))
    stolen = SealedLink.objects.get(grant=link_of(other)).sealed
    SealedLink.objects.filter(grant=grant).update(sealed=stolen)


def _elsewhere(visitor: Visitor, cast: Cast) -> None:
    pk = link_of(visitor.invitation).pk
    keeping.keep({pk: "https://bst-0.bastion.azure.com.evil.test/api/shareable-url/1"})


def _terms_change(visitor: Visitor, cast: Cast) -> None:
    visitor.invitation.accepted.update(version="before")


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (_end, "ended"),
        (_revoke, "revoked"),
        (_block, "revoked"),
        (_unseal, "not-ready"),
        (_shut_the_window, "not-ready"),
        (_incident, "not-ready"),
        (_reopen, "opening"),
        (_spoil, "unreadable"),
        (_of_another, "unreadable"),
        (_elsewhere, "unreadable"),
        (_terms_change, "terms"),
    ],
)
def test_what_happens_meanwhile_is_met_at_that_instant(
    visitor: Visitor, cast: Cast, happens: Callable[[Visitor, Cast], None], code: str
) -> None:
    happens(visitor, cast)
    assert refused(visitor).code == code


def test_without_the_terms_nothing_is_handed_over(cast: Cast) -> None:
    visitor = comes_in(opened(invited(machine(), cast)))
    assert refused(visitor).code == "terms"
    accepts_terms(visitor)
    assert hand_over(visitor)


def test_x38_a_browser_that_gave_no_code_gets_nothing(cast: Cast) -> None:
    """X-38: also when another browser of the same invitation did, and accepted the terms."""
    invitation = opened(invited(machine(), cast))
    at_the_door(invitation)
    assert refused(asks(invitation, caller=FROM_ELSEWHERE)).code == "signed-out"


def test_who_left_or_was_idle_gets_nothing(visitor: Visitor) -> None:
    browser = visitor.browser
    browsers.leave(browser, visitor.caller)
    with pytest.raises(Refusal, match="signed-out"):
        handing.hand_over(browser, 1, visitor.caller)


def test_x48_a_doorway_that_is_not_theirs_is_as_if_not_there(cast: Cast) -> None:
    """X-48: doorways are numbered within the invitation, so no number leads to another's grant."""
    mine = at_the_door(opened(invited(machine("vm-1"), cast)))
    other = opened(invited(machine("vm-2"), cast))
    for number in (0, 2, -1, link_of(other).pk, 10**30):
        assert refused(mine, number).code == "not-ready"


def test_only_from_the_networks_that_the_sponsor_named(cast: Cast) -> None:
    from tests.support.cast import vendor_details

    details = vendor_details(sources=["198.51.100.0/24", "2001:db8::/48"])
    visitor = at_the_door(opened(invited(machine(), cast, details=details)))
    assert hand_over(visitor)
    for address in ("198.51.101.7", "2001:db9::1", ""):
        with pytest.raises(Refusal, match="source"):
            handing.hand_over(visitor.browser, 1, Caller(address, "Firefox"))
        with pytest.raises(Refusal, match="source"):
            asks(visitor.invitation, caller=Caller(address, "Firefox"))
    for address in ("2001:db8::7", "::ffff:198.51.100.9"):
        assert handing.hand_over(visitor.browser, 1, Caller(address, "Firefox"))


def test_a_second_address_at_the_door_is_told_of_once(visitor: Visitor, cast: Cast) -> None:
    hand_over(visitor)
    visitor.caller = FROM_ELSEWHERE
    hand_over(visitor)
    hand_over(visitor)
    assert LedgerEntry.objects.filter(event="vendor.other_address").count() == 1
    told = Notice.objects.filter(event="vendor.two_addresses", person=cast.alice)
    assert told.count() == 1


def test_x47_a_second_vendor_cannot_have_the_same_machine_meanwhile(
    live_estate: SimulatedAzure, cast: Cast
) -> None:
    """X-47: Azure keeps one link for a machine and host, so vendor A's would be vendor B's."""
    opened_by_engine(cast)
    with pytest.raises(Invalid):
        ask(machine_of_estate(), by=cast.alan, kind="link", vendor_mail="other@vendor.test")
    assert Invitation.objects.count() == 1
    assert len(live_estate.state()["links"]) == 1


def test_x47_the_next_vendor_gets_another_link_and_the_one_before_cannot_use_it(
    live_estate: SimulatedAzure, cast: Cast
) -> None:
    """X-47: one after another on the same machine; A still has the browser and the old page."""
    first = at_the_door(opened_by_engine(cast))
    address_of_first = hand_over(first)
    services.end(link_of(first.invitation), by=cast.alice)
    run_engine()
    browser = first.browser
    second = at_the_door(opened_by_engine(cast, vendor_mail="b@vendor.test", vendor_name="B"))
    assert hand_over(second) != address_of_first
    with pytest.raises(Refusal, match="ended"):
        handing.hand_over(browser, 1, first.caller)


def test_several_machines_have_numbers_in_place_of_names(cast: Cast) -> None:
    """An approved request may hold several; the pages call them by the alias."""
    invitation = opened(invited(machine(), cast))
    grant = link_of(invitation)
    second = Grant.objects.get(pk=grant.pk)
    second.pk, second.machine, second.exclusive = None, machine("vm-2"), True
    second.save(force_insert=True)
    keeping.keep({second.pk: f"{BASTION_PAGE}second"})
    standing = standing_of(invitation, db_now())
    assert [(door.number, door.label, door.ready) for door in standing.doors] == [
        (1, "Billing server 1", True),
        (2, "Billing server 2", True),
    ]
    assert hand_over(at_the_door(invitation), 2) == f"{BASTION_PAGE}second"


def test_the_stand_in_is_used_only_where_it_is_set(visitor: Visitor, settings: Any) -> None:
    settings.VENDOR_BASTION_STAND_IN = "http://127.0.0.1:9"
    assert hand_over(visitor).startswith(
        "http://127.0.0.1:9/stand-in/bst-0000.bastion.azure.com/api/shareable-url/token-of-"
    )


def test_accepting_is_written_once_with_what_was_shown(visitor: Visitor) -> None:
    accepts_terms(visitor)
    accepts_terms(visitor)
    row = visitor.invitation.accepted.get()
    line = LedgerEntry.objects.get(event="vendor.terms_accepted")
    assert line.data["digest"] == row.digest == terms.current("en").digest
    assert (row.address, row.agent) == (FROM_HOME.address, FROM_HOME.agent)
    with pytest.raises(Refusal, match="terms"):
        terms.accept(
            visitor.browser, version="old", digest="", language="en", caller=visitor.caller
        )


def test_stages_in_their_order(cast: Cast) -> None:
    invitation = invited(machine(), cast, start=db_now() + timedelta(hours=1))
    stage = lambda: standing_of(Invitation.objects.get(), db_now()).stage  # noqa: E731
    assert stage() == Stage.NOT_YET
    request = invitation.access_request
    request.hold, request.held_at = "The machine moved", db_now()
    request.save()
    assert stage() == Stage.HELD
    request.hold, request.held_at = "", None
    request.save()
    let_pass(link_of(invitation), 61)
    assert stage() == Stage.OPENING
    opened(invitation)
    assert stage() == Stage.OPEN
    let_pass(link_of(invitation), 31)
    assert stage() == Stage.ENDED
    Grant.objects.update(
        state=GrantState.CLOSED,
        opened_at=None,
        due_at=db_now(),
        closed_at=db_now(),
        close_reason="Azure refused",
    )
    assert stage() == Stage.FAILED


def test_how_it_stands_takes_few_queries(
    visitor: Visitor, django_assert_max_num_queries: Any
) -> None:
    invitation = visitor.browser.invitation
    now = db_now()
    with django_assert_max_num_queries(3):
        standing_of(invitation, now)


def test_approving_a_link_makes_one_invitation(cast: Cast) -> None:
    asked = approve(ask(machine(), by=cast.alice, kind="link"), by=cast.bob)
    assert Invitation.objects.get().access_request == asked
