"""What stood until its end is sent to be shut before Azure is asked whether it stands."""

from __future__ import annotations

from typing import Any

from access import services
from access.clock import db_now
from access.models import Grant
from access.states import GrantState
from tests.access.contract import Story, settle_now, wake_up
from tests.access.engine.test_many_at_once import sent_at_once, several
from tests.access.engine.test_putting_off import lists, look
from tests.support.cast import run_engine


def test_a_list_that_fails_keeps_no_link_open(link: Story) -> None:
    grant = link.open()
    link.azure.fault(operation="link.list", action="status", status=500)
    services.end(grant, by=link.cast.alice)
    run_engine(rounds=1)
    grant.refresh_from_db()
    assert (grant.state, link.doors_in_azure()) == (GrantState.CLOSING, 0)
    link.azure.mend()
    wake_up()
    run_engine()
    grant.refresh_from_db()
    assert grant.state == GrantState.CLOSED


def test_no_list_comes_before_the_deletion(link: Story) -> None:
    grant = link.open()
    listed = lists(link)
    services.end(grant, by=link.cast.alice)
    look(grant)
    assert (link.sent("link.delete"), lists(link)) == (1, listed)


def test_after_a_refusal_azure_is_asked_first(link: Story) -> None:
    grant = link.open()
    link.azure.fault(operation="link.delete", action="status", status=403, times=1)
    services.end(grant, by=link.cast.alice)
    look(grant)
    listed = lists(link)
    settle_now()
    look(grant)
    assert lists(link) > listed


def test_what_is_over_goes_first_and_the_others_are_asked_about_in_the_same_look(
    link: Story,
) -> None:
    first = several(link, 2)
    begun = Grant.objects.filter(kind="link").exclude(pk=first.pk)
    begun.update(state=GrantState.OPENING, opened_at=None, shown_at=None)
    services.end(first, by=link.cast.alice)
    look(first)
    assert link.sent("link.delete") == 1
    assert begun.get().state == GrantState.OPEN


def test_never_more_than_azure_takes_although_nobody_asks_first(link: Story, settings: Any) -> None:
    settings.ACCESS_CHUNK = 3
    first = several(link, 5)
    link.azure.control("POST", "pace", {"link_delete": 12})
    ending = [grant.pk for grant in Grant.objects.filter(kind="link")]
    Grant.objects.filter(pk__in=ending[:2]).update(ends_at=db_now())
    look(first)
    Grant.objects.filter(pk__in=ending).update(ends_at=db_now())
    for _ in range(3):
        look(first)
    assert sent_at_once(link) == [2, 1]


def test_what_never_was_seen_open_is_asked_about(link: Story) -> None:
    """An order to open it may be on its way: a deletion that overtakes it would undo nothing."""
    grant = link.granted()
    run_engine(rounds=1)
    listed = lists(link)
    services.end(grant, by=link.cast.alice)
    look(grant)
    assert lists(link) > listed


def test_what_azure_is_opening_counts_among_what_it_takes_at_once(
    link: Story, settings: Any
) -> None:
    settings.ACCESS_CHUNK = 3
    first = several(link, 5)
    now = db_now()
    links = [grant.pk for grant in Grant.objects.filter(kind="link").order_by("pk")]
    opening = {"opened_at": None, "shown_at": None, "asked_at": now, "sent_at": now}
    begun = Grant.objects.filter(pk__in=links[:2])
    begun.update(state=GrantState.OPENING, sent_until=first.ends_at, **opening)
    Grant.objects.filter(pk__in=links[2:]).update(ends_at=now)
    link.azure.fault(operation="link.list", action="status", status=500)
    look(first)
    assert sent_at_once(link) == [1]


def test_a_host_that_is_gone_is_not_asked_for_each_of_its_links(link: Story) -> None:
    first = several(link, 5)
    gone = {"action": "status", "status": 404, "code": "ResourceNotFound"}
    for operation in ("link.delete", "link.list", "session.list"):
        link.azure.fault(operation=operation, **gone)
    Grant.objects.filter(kind="link").update(ends_at=db_now())
    for _ in range(3):
        look(first)
    assert not Grant.objects.filter(kind="link").exclude(state=GrantState.CLOSED).exists()
    assert link.sent("link.delete") == 1


def test_one_that_azure_was_asked_to_open_once_more_is_asked_about(link: Story) -> None:
    grant = link.open()
    Grant.objects.filter(pk=grant.pk).update(asked_at=db_now())
    listed = lists(link)
    services.end(grant, by=link.cast.alice)
    look(grant)
    assert lists(link) > listed


def test_the_next_go_as_soon_as_azure_is_done_with_those_before(link: Story, settings: Any) -> None:
    """To hear who is connected to those takes seconds, and may fail."""
    settings.ACCESS_CHUNK, settings.ACCESS_WHOLE_SECONDS = 2, 3600.0
    first = several(link, 4)
    link.azure.control("POST", "pace", {"link_delete": 12})
    Grant.objects.filter(kind="link").update(ends_at=db_now())
    for _ in range(3):
        look(first)
    link.azure.fault(operation="link.list", action="status", status=500)
    link.azure.advance(13)
    look(first)
    assert sent_at_once(link) == [2, 2]
