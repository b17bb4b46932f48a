"""Ending one's own access needs no reason; taking somebody else's away does, and says so."""

from __future__ import annotations

import json

import pytest

from access import services
from access.errors import Invalid, NotAllowed, WrongState
from access.models import EndOrder, Grant, LedgerEntry, Notice
from tests.access.views.conftest import Browser
from tests.support.cast import Cast


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


def test_who_had_it_ends_it_without_a_reason(cast: Cast, opened: Grant, browser: Browser) -> None:
    address = f"/grants/{opened.pk}/end/"
    page = browser(cast.alice).get(address).content.decode()
    assert "End access now" in page
    assert "Reason (optional)" in page
    assert browser(cast.alice).post(address, {"reason": ""}).status_code == 302
    made = EndOrder.objects.get()
    assert (made.how, made.reason) == ("owner", "")
    assert not Notice.objects.filter(event="grant.revoked").exists()


def test_an_administrator_revokes_it_and_says_why(
    cast: Cast, opened: Grant, browser: Browser
) -> None:
    address, admin = f"/grants/{opened.pk}/end/", browser(cast.dana)
    page = admin.get(address).content.decode()
    assert "Revoke access to vm-app-01?" in page
    assert "Why is it revoked?" in page
    empty = admin.post(address, {"reason": " "})
    assert empty.status_code == 400
    assert "The person who had it will read it" in empty.content.decode()
    assert not EndOrder.objects.exists()
    assert admin.post(address, {"reason": "Left the company"}).status_code == 302
    made = EndOrder.objects.get()
    assert (made.how, made.reason, made.by) == ("revoked", "Left the company", cast.dana)
    line = LedgerEntry.objects.get(event="grant.revoked")
    assert line.data["reason"] == "Left the company"
    told = Notice.objects.get(event="grant.revoked", person=cast.alice)
    assert told.data["by"] == "Dana"


def test_the_api_asks_for_the_reason_too(cast: Cast, opened: Grant, browser: Browser) -> None:
    address, admin = f"/api/v1/grants/{opened.pk}/end/", browser(cast.dana)
    sent = admin.post(address, "{}", content_type="application/json")
    assert sent.status_code == 400
    assert "reason" in sent.json()["errors"]
    why = json.dumps({"reason": "Left the company"})
    assert admin.post(address, why, content_type="application/json").status_code == 200


def test_an_approver_may_not_even_with_a_reason(cast: Cast, opened: Grant) -> None:
    with pytest.raises(NotAllowed):
        services.end(opened, by=cast.bob, reason="I regret it")


def test_a_reason_too_long_is_refused(cast: Cast, opened: Grant) -> None:
    with pytest.raises(Invalid):
        services.end(opened, by=cast.dana, reason="x" * 1001)


def test_the_first_order_counts_and_the_second_changes_nothing(cast: Cast, opened: Grant) -> None:
    services.end(opened, by=cast.alice)
    services.end(opened, by=cast.dana, reason="Out")
    assert EndOrder.objects.get().how == "owner"
    assert not Notice.objects.filter(event="grant.revoked").exists()


def test_in_the_grace_the_page_says_what_ending_it_means(
    cast: Cast, opened: Grant, browser: Browser
) -> None:
    from datetime import timedelta

    from access.clock import db_now

    now = db_now()
    Grant.objects.filter(pk=opened.pk).update(
        state="closing", due_at=now, shut_at=now, ends_at=now, grace_minutes=15,
        starts_at=now - timedelta(hours=1), finish_by=now + timedelta(minutes=15),
        close_reason="Its time is over.", outstanding="shut in Azure, 1 session may finish",
    )  # fmt: skip
    page = browser(cast.dana).get(f"/grants/{opened.pk}/end/").content.decode()
    assert "Whoever is still connected is disconnected at once" in page
    reference = opened.access_request.reference
    page = browser(cast.alice).get(f"/requests/{reference}/").content.decode()
    assert "Shut, a session may finish" in page
    assert "Shut in Azure, 1 session may finish until" in page
    services.end(opened, by=cast.dana, reason="Out")
    assert EndOrder.objects.get().how == "revoked"


def test_what_is_closed_cannot_be_revoked(cast: Cast, opened: Grant) -> None:
    from tests.access.views.conftest import make_closed

    make_closed(opened, opened=True)
    with pytest.raises(WrongState):
        services.end(opened, by=cast.dana, reason="Late")
