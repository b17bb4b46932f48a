"""The Verify page, and having the estate read from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from access import inventory
from access.models import BastionHost, LedgerEntry, Person, SyncRun, Verdict
from portal.sync import sync_estate
from tests.access.views.test_request_page import words
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def demo(azure: SimulatedAzure) -> SimulatedAzure:
    azure.control("POST", "reset", {"estate": "demo"})
    sync_estate()
    return azure


@pytest.fixture
def small(azure: SimulatedAzure) -> SimulatedAzure:
    sync_estate()
    return azure


@pytest.fixture
def browser() -> Callable[[Person], Client]:
    def signed_in(person: Person) -> Client:
        client = Client()
        client.force_login(person, backend="portal.signin.backend.VouchedFor")
        return client

    return signed_in


class TestThePage:
    def test_for_others_it_does_not_exist(
        self, cast: Cast, browser: Callable[[Person], Client]
    ) -> None:
        for person in (cast.alice, cast.bob, cast.charlie):
            assert browser(person).get("/verify/").status_code == 404
            assert 'href="/verify/"' not in browser(person).get("/me/").content.decode()
        for person in (cast.dana, cast.erin):
            assert browser(person).get("/verify/").status_code == 200
            assert 'href="/verify/"' in browser(person).get("/me/").content.decode()

    def test_before_anything_was_read_it_says_so(
        self, cast: Cast, browser: Callable[[Person], Client]
    ) -> None:
        text = words(browser(cast.dana).get("/verify/"))
        assert "has not been read from Azure yet" in text
        assert "They appear after" in text

    def test_the_worst_is_first_with_evidence_and_what_mends_it(
        self, demo: SimulatedAzure, cast: Cast, browser: Callable[[Person], Client]
    ) -> None:
        text = words(browser(cast.dana).get("/verify/"))
        assert "62" in text
        assert "vm-data-spark-06 is deallocated." in text
        assert "az vm start" in text
        order = [text.index(name) for name in ("vnet-archive-neu Network", "vm-dev-06 Machine")]
        order += [text.index(name) for name in ("vnet-partner-weu Network", "vm-shop-web-05 Mach")]
        assert order == sorted(order)
        assert "vm-pay-api-01" not in text
        assert (
            'href="/machines/?q=vm-dev-06"' in browser(cast.dana).get("/verify/").content.decode()
        )

    def test_filters_live_in_the_address(
        self, demo: SimulatedAzure, cast: Cast, browser: Callable[[Person], Client]
    ) -> None:
        dana, host = browser(cast.dana), BastionHost.objects.get(name="bastion-hub-neu")
        text = words(dana.get("/verify/", {"level": "warn"}))
        assert "vm-shop-web-05" in text
        assert "vm-data-spark-06" not in text
        text = words(dana.get("/verify/", {"host": str(host.pk)}))
        assert "vm-data-spark-06" in text
        assert "vm-dev-06" not in text
        assert "vm-data-dwh-01" in words(dana.get("/verify/", {"level": "pass"}))
        for odd in ("nonsense", "9" * 30, "²"):
            assert dana.get("/verify/", {"level": odd, "host": odd}).status_code == 200

    def test_pages_follow_each_other_without_gap_or_repetition(
        self, demo: SimulatedAzure, cast: Cast, browser: Callable[[Person], Client]
    ) -> None:
        import re

        dana, seen, path = browser(cast.dana), [], "/verify/?level=pass"
        while path:
            html = dana.get(path).content.decode()
            seen += re.findall(r"q=(vm-[\w-]+)\"", html)
            found = re.search(r'rel="next" href="([^"]+)"', html)
            path = "/verify/" + found[1].replace("&amp;", "&") if found else ""
        passing = Verdict.objects.filter(kind="machine", level="pass").order_by("rank")
        assert seen == list(passing.values_list("name", flat=True))
        assert len(seen) > 50

    def test_it_costs_the_same_for_few_and_for_many(
        self, demo: SimulatedAzure, cast: Cast, browser: Callable[[Person], Client]
    ) -> None:
        from django.db import connection

        dana, costs = browser(cast.dana), []
        for path in ("/verify/?level=fail", "/verify/?level=pass"):
            dana.get(path)
            with CaptureQueriesContext(connection) as seen:
                dana.get(path)
            costs.append(len(seen))
        assert costs[0] == costs[1]
        assert costs[0] <= 12

    def test_the_reading_that_failed_is_told_beside_the_last_that_was_complete(
        self, small: SimulatedAzure, cast: Cast, browser: Callable[[Person], Client]
    ) -> None:
        run = inventory.begin_run()
        dana = browser(cast.dana)
        poll = {"HX-Target": "reading"}
        assert "Being read" in words(dana.get("/verify/", headers=poll))
        inventory.end_run(run, problem="Azure is not answering.", complete=False)
        text = words(dana.get("/verify/"))
        assert "Azure is not answering." in text
        assert "rests on the reading of" in text

    def test_a_page_that_is_open_says_when_there_is_something_newer(
        self, small: SimulatedAzure, cast: Cast, browser: Callable[[Person], Client]
    ) -> None:
        dana, poll = browser(cast.dana), {"HX-Target": "reading"}
        shown = {"shown": str(SyncRun.objects.latest("pk").pk)}
        assert "read anew" not in words(dana.get("/verify/", shown, headers=poll))
        sync_estate()
        html = dana.get("/verify/", shown, headers=poll).content.decode()
        assert html.lstrip().startswith('<section id="reading"')
        assert "read anew" in html


class TestReadingNow:
    @pytest.fixture
    def woken(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
        sent: list[tuple[str, Any]] = []

        def send(name: str, **more: Any) -> None:
            sent.append((name, more["kwargs"]))

        monkeypatch.setattr("portal.celery.app.send_task", send)
        return sent

    def test_an_administrator_has_the_estate_read(
        self, cast: Cast, browser: Callable[[Person], Client], woken: list[tuple[str, Any]]
    ) -> None:
        answer = browser(cast.dana).post("/verify/read/")
        assert (answer.status_code, answer["Location"]) == (302, "/verify/")
        assert woken == [("portal.sync_estate", {"force": True})]
        line = LedgerEntry.objects.get(event="estate.read_ordered")
        assert line.actor_name == "Dana"

    def test_an_auditor_may_look_and_not_order(
        self, cast: Cast, browser: Callable[[Person], Client], woken: list[tuple[str, Any]]
    ) -> None:
        erin = browser(cast.erin)
        assert "Read the estate now" not in words(erin.get("/verify/"))
        assert erin.post("/verify/read/").status_code == 403
        assert (woken, LedgerEntry.objects.filter(event="estate.read_ordered").count()) == ([], 0)

    def test_a_broker_that_is_away_is_said(
        self, cast: Cast, browser: Callable[[Person], Client], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from kombu.exceptions import OperationalError

        def away(*_args: Any, **_more: Any) -> None:
            raise OperationalError("no broker")

        monkeypatch.setattr("portal.celery.app.send_task", away)
        answer = browser(cast.dana).post("/verify/read/", follow=True)
        assert "No worker could be asked" in words(answer)
