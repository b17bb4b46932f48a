"""What should be closed and is not: red, first in every list, and it says what is outstanding."""

from __future__ import annotations

from datetime import timedelta

import pytest

from access.clock import db_now
from access.models import Grant
from links.models import Invitation
from tests.support import estate
from tests.support.browsers import Browser
from tests.support.cast import Cast
from tests.support.visiting import invited, link_of, opened

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.tasks.look.apply_async", lambda *_args, **_options: None)


@pytest.fixture
def late(cast: Cast) -> Invitation:
    """Of Zeta, the last in any order: its link is still there and somebody is connected."""
    other = {"vendor_company": "Alpha", "vendor_mail": "a@alpha.test"}
    found = opened(invited(estate.machine("vm-late"), cast, vendor_company="Zeta"))
    opened(invited(estate.machine("vm-fine"), cast, **other))
    ends = db_now() - timedelta(minutes=5)
    rows = Grant.objects.filter(access_request=found.access_request)
    rows.update(
        state="closing",
        starts_at=ends - timedelta(hours=1),
        ends_at=ends,
        due_at=ends,
        close_reason="Its time is over.",
    )
    rows.filter(kind="link").update(outstanding="still open in Azure, 1 session still connected")
    rows.filter(kind="window").update(outstanding="still open in Azure")
    return found


def test_the_vendor_list_has_it_first_and_red(
    cast: Cast, browser: Browser, late: Invitation
) -> None:
    for who in (cast.alice, cast.dana, cast.erin):
        html = browser(who).get("/vendors/").content.decode()
        assert html.index("Zeta") < html.index("Alpha")
        assert html.count('class="late"') == 1
        assert "Overdue: still open" in html


def test_so_have_the_vendors_own_page_my_requests_and_what_is_open(
    cast: Cast, browser: Browser, late: Invitation
) -> None:
    opened(invited(estate.machine("vm-newer"), cast, vendor_company="Zeta"))
    reference = late.access_request.reference
    contact = late.contact_id
    for path in (f"/vendors/{contact}/", "/requests/", "/open/"):
        html = browser(cast.alice).get(path).content.decode()
        assert 'class="late"' in html, path
        rows = html[html.index("<tbody>") :]
        others = rows.replace(reference, "").find("BA-")
        assert rows.index(reference) <= others, path


def test_the_request_says_what_is_outstanding_of_link_session_and_window(
    cast: Cast, browser: Browser, late: Invitation
) -> None:
    page = f"/requests/{late.access_request.reference}/"
    html = browser(cast.alice).get(page).content.decode()
    assert 'class="panel stack late"' in html
    assert "1 session still connected" in html
    assert html.count("till open in Azure") == 2
    assert link_of(late).state == "closing"
