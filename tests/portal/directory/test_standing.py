"""What administrators are told of the directory while it is not known well."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.directory.sync import sync_directory
from portal.models import DirectoryReading
from tests.support.browsers import signed_in
from tests.support.cast import Cast, be_seen
from tests.support.graph import FakeGraph

pytestmark = pytest.mark.django_db
SILENT, GUARD, UNSURE = "has not been read", "would prove nothing", "may prove nothing"

ICON = '<svg class="icon" aria-hidden="true"><use href="/static/icons.svg#triangle-alert"/></svg>'


def page(who: object, address: str = "/people/") -> str:
    return signed_in(who).get(address).content.decode()  # type: ignore[arg-type]


def age(minutes: int) -> None:
    DirectoryReading.objects.update(finished_at=timezone.now() - timedelta(minutes=minutes))


@pytest.fixture(autouse=True)
def _closing_is_looked_after(db: None) -> None:
    be_seen()


@pytest.fixture
def c1(graph: FakeGraph, settings: object) -> None:
    settings.ENTRA_STEP_UP_CONTEXT = "c1"


def test_a_directory_that_was_read_is_no_news(graph: FakeGraph, cast: Cast) -> None:
    sync_directory()
    shown = page(cast.dana)
    assert "The directory was read" in shown
    assert SILENT not in shown
    assert GUARD not in shown


def test_one_that_was_not_read_for_a_quarter_of_an_hour_is(graph: FakeGraph, cast: Cast) -> None:
    sync_directory()
    age(16)
    assert "has not been read for 16 minutes" in page(cast.dana)
    assert SILENT not in page(cast.erin)  # an auditor cannot mend it


def test_one_that_was_never_read_says_why(graph: FakeGraph, cast: Cast) -> None:
    graph.permissions.clear()
    with pytest.raises(Exception, match="does not allow"):
        sync_directory()
    shown = page(cast.dana)
    assert "has not been read yet" in shown
    assert "403" in shown


def test_without_a_directory_nobody_waits_for_it(graph: FakeGraph, cast: Cast) -> None:
    shown = page(cast.dana)
    assert SILENT not in shown
    assert "The directory is not read" in shown


def test_a_step_up_with_nothing_behind_it_is_an_alarm(
    graph: FakeGraph, cast: Cast, c1: None
) -> None:
    sync_directory()
    shown = page(cast.dana)
    assert f'<div class="band alarm"><div class="in">{ICON}<span><strong>Signing' in shown
    assert GUARD in shown
    assert UNSURE not in shown


def test_one_that_nobody_could_check_is_a_warning(graph: FakeGraph, cast: Cast, c1: None) -> None:
    assert UNSURE in page(cast.dana)  # nobody reads the directory at all
    graph.permissions.remove("Policy.Read.All")
    sync_directory()
    shown = page(cast.dana)
    assert UNSURE in shown
    assert f'<div class="band"><div class="in">{ICON}<span><strong>Signing' in shown


def test_one_with_a_policy_behind_it_is_no_news(graph: FakeGraph, cast: Cast, c1: None) -> None:
    graph.guard("c1")
    sync_directory()
    assert GUARD not in page(cast.dana)


def test_it_costs_pages_no_question_more(graph: FakeGraph, cast: Cast, settings: object) -> None:
    with CaptureQueriesContext(connection) as with_it:
        page(cast.dana)
    settings.ENTRA_TENANT_ID = ""
    with CaptureQueriesContext(connection) as without:
        page(cast.dana)
    assert len(with_it) == len(without)
