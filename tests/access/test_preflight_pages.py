"""What the request form and the approver are shown of the preflight."""

from __future__ import annotations

import pytest
from django.test.utils import CaptureQueriesContext

from access.heartbeats import beat
from access.models import Grant, Role
from jit.models import JitPort
from tests.access.test_preflight import browse, judged, stand_in_the_way, vm
from tests.access.views.test_request_page import page, words
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, approve, ask, person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cloud(live_estate: SimulatedAzure) -> SimulatedAzure:
    """The small estate, read."""
    return live_estate


class TestThePages:
    def test_the_form_says_whether_it_can_work_before_it_is_sent(
        self, cloud: SimulatedAzure, cast: Cast
    ) -> None:
        text = words(browse(cast.alice).get(f"/requests/new/?machine={vm().pk}"))
        assert "Can it work?" in text
        assert "In order" in text
        stand_in_the_way(cloud, priority=200, access="Allow", name="AllowBastion")
        text = words(browse(cast.alice).get(f"/requests/new/?machine={vm().pk}"))
        assert "This would be refused" in text
        assert "AllowBastion (priority 200)" in text
        assert "az network nsg rule delete" in text

    def test_it_follows_the_way_and_the_length_that_are_chosen(
        self, cloud: SimulatedAzure, cast: Cast
    ) -> None:
        alice, there = browse(cast.alice), "/requests/new/preflight/"
        chosen = {"machine": vm().pk, "way": "window:22", "minutes": "60"}
        assert "native clients switched on" in words(alice.get(there, chosen))
        link = words(alice.get(there, chosen | {"way": "link:22"}))
        assert "room for another shareable link" in link
        long = words(alice.get(there, chosen | {"minutes": "custom", "custom_minutes": "600"}))
        assert "allows 180 minutes on port 22; asked: 600" in long
        assert "Choose a way in" in words(alice.get(there, chosen | {"way": "nonsense"}))
        assert browse(cast.erin).get(there, chosen).status_code == 403

    def test_a_refused_form_shows_why_where_the_way_is_chosen(
        self, cloud: SimulatedAzure, cast: Cast
    ) -> None:
        import uuid

        stand_in_the_way(cloud, priority=200, access="Allow", name="AllowBastion")
        form = {"submission_key": uuid.uuid4(), "machine": vm().pk, "way": "window:22"}
        form |= {"minutes": "30", "when": "now", "reason": "x"}
        answer = browse(cast.alice).post("/requests/new/", form)
        assert answer.status_code == 400
        assert '<li><a href="#id_way">This would not work' in answer.content.decode()
        assert "Can it work?" in words(answer)

    def test_the_approver_sees_what_was_found(self, cloud: SimulatedAzure, cast: Cast) -> None:
        asked = ask(vm(), by=cast.alice)
        number = len(judged(vm()))
        assert f"In order {number} pass" in words(browse(cast.bob).get(page(asked)))
        JitPort.objects.filter(machine=vm()).update(source_prefixes=["*"])
        text = words(browse(cast.bob).get(page(asked)))
        assert f"{number - 1} pass, 1 warning" in text
        assert "admits * to port 22" in text
        approve(asked, by=cast.bob)
        assert "Can it work?" not in words(browse(cast.bob).get(page(asked)))

    def test_commands_lie_open_for_administrators_and_folded_for_others(
        self, cloud: SimulatedAzure, cast: Cast
    ) -> None:
        JitPort.objects.filter(machine=vm()).update(source_prefixes=["*"])
        asked = ask(vm(), by=cast.alice)
        for who, is_open in ((cast.dana, True), (cast.bob, False)):
            html = browse(who).get(page(asked)).content.decode()
            assert ('<details class="mend" open>' in html) == is_open
            assert "az rest --method put" in words(browse(who).get(page(asked)))

    def test_pages_stay_cheap_and_small(self, cloud: SimulatedAzure, cast: Cast) -> None:
        import gzip

        from django.db import connection

        JitPort.objects.filter(machine=vm()).update(source_prefixes=["*"])
        beat("looker")  # as workers do all the time
        asked = ask(vm(), by=cast.alice)
        form = f"/requests/new/?machine={vm().pk}"
        for who, path, budget in (
            (cast.bob, page(asked), 18),
            (cast.alice, form, 17),
            (cast.alice, f"{form}&kind=link", 17),
        ):
            client = browse(who)
            client.get(path)
            with CaptureQueriesContext(connection) as seen:
                html = client.get(path).content
            assert len(seen) <= budget, path
            assert len(gzip.compress(html, 6)) <= 10 * 1024, path


def test_an_administrator_who_is_an_engineer_finds_the_command_on_the_form(
    cloud: SimulatedAzure, db: None
) -> None:
    both = person("Both", Role.ENGINEER, Role.ADMIN)
    JitPort.objects.filter(machine=vm()).update(source_prefixes=["*"])
    html = browse(both).get(f"/requests/new/?machine={vm().pk}").content.decode()
    assert '<details class="mend" open>' in html
    assert Grant.objects.count() == 0
