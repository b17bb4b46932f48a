"""Live sessions through the API."""

from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext

from access.clock import db_now
from access.models import Grant, LiveSession, Machine
from tests.access.views.conftest import Browser, make_open
from tests.support import estate
from tests.support.cast import Cast, approved
from tests.support.sessions import connected


class TestTheApi:
    URL = "/api/v1/sessions/"

    def test_it_lists_whose_it_may_be(
        self, cast: Cast, opened: Grant, vm: Machine, browser: Browser
    ):
        connected(vm)
        (row,) = browser(cast.erin).get(self.URL).json()["results"]
        assert (row["machine"], row["host"], row["user_name"]) == (
            vm.name, "bastion-hub", "operator"
        )  # fmt: skip
        assert [may["requester"]["display_name"] for may in row["may_be"]] == ["Alice"]
        assert (row["unexplained"], row["disconnect_ordered"]) == (False, False)
        assert browser(cast.charlie).get(self.URL).json()["results"] == []

    def test_an_engineer_is_not_told_who_else(
        self, cast: Cast, opened: Grant, vm: Machine, browser: Browser
    ):
        make_open(approved(vm, by=cast.alan, approver=cast.bob))
        connected(vm)
        (row,) = browser(cast.alice).get(self.URL).json()["results"]
        assert [may["requester"]["display_name"] for may in row["may_be"]] == ["Alice"]

    def test_filters(self, cast: Cast, vm: Machine, browser: Browser):
        other = estate.machine("vm-2")
        now, was = connected(vm), connected(other, ended_at=db_now())
        erin = browser(cast.erin)

        def found(**query: object) -> list[int]:
            return [row["id"] for row in erin.get(self.URL, query).json()["results"]]

        assert found() == [was.pk, now.pk]
        assert found(live="true") == [now.pk]
        assert found(live="false") == [was.pk]
        assert found(machine=other.pk) == [was.pk]
        assert found(host=vm.bastion_id) == [was.pk, now.pk]
        assert erin.get(self.URL, {"machine": "9" * 30}).status_code == 400

    def test_many_cost_no_more(self, cast: Cast, vm: Machine, browser: Browser):
        erin, counts = browser(cast.erin), []
        for _ in range(2):
            connected(vm)
            erin.get(self.URL)
            with CaptureQueriesContext(connection) as asked:
                erin.get(self.URL)
            counts.append(len(asked))
        assert counts[0] == counts[1]

    def test_disconnecting(self, cast: Cast, opened: Grant, vm: Machine, browser: Browser):
        session = connected(vm)
        url = f"{self.URL}{session.pk}/disconnect/"
        as_json = {"content_type": "application/json"}
        assert browser(cast.charlie).post(url, {"reason": "x"}, **as_json).status_code == 404
        assert browser(cast.erin).post(url, {"reason": "x"}, **as_json).status_code == 403
        alice = browser(cast.alice)
        for body in ({}, {"reason": ""}, {"reason": "x", "force": True}):
            assert alice.post(url, body, **as_json).status_code == 400
        for _ in range(2):
            answer = alice.post(url, {"reason": "Forgotten"}, **as_json)
            assert (answer.status_code, answer.json()["disconnect_ordered"]) == (200, True)
        LiveSession.objects.update(ended_at=db_now())
        assert browser(cast.dana).post(url, {"reason": "x"}, **as_json).status_code == 409
