"""One request for several machines: from ticking them to one decision."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

from access.models import AccessRequest, Machine
from tests.access.views.conftest import Browser
from tests.access.views.test_request_page import page, words
from tests.support import estate
from tests.support.cast import Cast, approve, ask

PATH = "/requests/new/"


@pytest.fixture
def three(db: None) -> list[Machine]:
    """Two with SSH and one with RDP."""
    return [
        estate.machine("vm-a"),
        estate.machine("vm-b", environment="production"),
        estate.machine("vm-win", os="windows"),
    ]


def filled(machines: list[Machine], **changes: Any) -> dict[str, Any]:
    values = {
        "submission_key": str(uuid.uuid4()),
        "machine": [vm.pk for vm in machines],
        "way": "window:22",
        "minutes": "60",
        "when": "now",
        "reason": "Patch all of them",
    }
    return values | changes


def test_what_is_ticked_is_kept_from_search_to_search(cast: Cast, three, browser: Browser):
    alice = browser(cast.alice)
    html = alice.get("/machines/", {"q": "vm-a", "machine": [three[1].pk]}).content.decode()
    kept = rf'name="machine" value="{three[1].pk}" checked>vm-b'
    assert re.search(kept, html)
    again = alice.get("/machines/", {"q": "vm-b", "machine": [three[1].pk]}).content.decode()
    assert len(re.findall(rf'name="machine" value="{three[1].pk}" checked', again)) == 1


def test_one_request_and_one_decision(cast: Cast, three, browser: Browser):
    alice = browser(cast.alice)
    alice.post(PATH, filled(three[:2]))
    asked = AccessRequest.objects.get()
    assert sorted(asked.doors.values_list("machine__name", "port")) == [("vm-a", 22), ("vm-b", 22)]
    text = words(browser(cast.bob).get(page(asked)))
    assert "and 1 other machine" in text
    assert "vm-b Production" in text
    approve(asked, by=cast.bob)
    assert asked.grants.count() == 2


def test_each_is_entered_through_its_own_login_port(cast: Cast, three, browser: Browser):
    alice = browser(cast.alice)
    html = alice.get(PATH, {"machine": [vm.pk for vm in three]}).content.decode()
    assert 'value="window:0" checked' in html
    alice.post(PATH, filled(three, way="window:0"))
    asked = AccessRequest.objects.get()
    assert sorted(asked.doors.values_list("port", flat=True)) == [22, 22, 3389]
    assert "Port window 22 (SSH), 3389 (RDP)" in words(alice.get(page(asked)))


def test_removing_one_keeps_what_was_typed_and_sends_nothing(cast: Cast, three, browser: Browser):
    alice = browser(cast.alice)
    sent = filled(three, way="window:0", remove=str(three[2].pk), minutes="120")
    response = alice.post(PATH, sent)
    html = response.content.decode()
    assert response.status_code == 200
    assert "Request access to 2 machines" in html
    assert "Patch all of them" in html
    assert 'value="120" checked' in html
    assert not AccessRequest.objects.exists()


def test_removing_the_last_leads_to_the_list(cast: Cast, three, browser: Browser):
    sent = filled(three[:1], remove=str(three[0].pk))
    assert browser(cast.alice).post(PATH, sent).url == "/machines/"


def test_pressing_enter_sends_and_does_not_remove(cast: Cast, three, browser: Browser):
    """A browser presses the form's first button then."""
    html = browser(cast.alice).get(PATH, {"machine": [vm.pk for vm in three]}).content.decode()
    form = html[html.index('<form id="ask"') :]
    assert "name=" not in re.search(r"<button[^>]*>", form)[0]


def test_the_preview_made_anew_sends_nothing_and_says_nothing_is_wrong(
    cast: Cast, three, browser: Browser
):
    response = browser(cast.alice).post(PATH, filled(three, way="window:0", reason="", update="y"))
    assert response.status_code == 200
    assert "There is a problem" not in words(response)
    assert not AccessRequest.objects.exists()


def test_what_one_of_them_cannot_is_said_with_its_name(cast: Cast, three, browser: Browser):
    three[1].jit_ports.all().delete()
    html = words(browser(cast.alice).get(PATH, {"machine": [vm.pk for vm in three[:2]]}))
    assert "Port window cannot be asked for vm-b:" in html
    response = browser(cast.alice).post(PATH, filled(three[:2]))
    assert response.status_code == 400
    assert not AccessRequest.objects.exists()


def test_what_waits_already_for_one_of_them_is_named(cast: Cast, three, browser: Browser):
    waiting = ask(three[1], by=cast.alice)
    response = browser(cast.alice).post(PATH, filled(three[:2]))
    assert response.status_code == 400
    assert f"You already asked for vm-b: {waiting.reference} is waiting." in words(response)


def test_more_than_twenty_are_too_many(cast: Cast, browser: Browser):
    machines = [estate.machine(f"vm-{n:02d}") for n in range(21)]
    alice = browser(cast.alice)
    response = alice.get(PATH, {"machine": [vm.pk for vm in machines]}, follow=True)
    assert "Choose at most 20 machines" in words(response)
    assert f'value="{machines[20].pk}" checked' in response.content.decode()


def test_a_number_of_thousands_of_digits_is_no_machine(cast: Cast, three, browser: Browser):
    alice = browser(cast.alice)
    assert alice.post(PATH, filled(three[:1], machine="9" * 5000)).status_code == 404
    assert alice.get(PATH, {"machine": three[0].pk, "again": "BA-" + "9" * 3000}).status_code == 200


def test_none_ticked_is_said(cast: Cast, three, browser: Browser):
    response = browser(cast.alice).get(PATH, {"q": ""}, follow=True)
    assert "Tick the machines" in words(response)


def test_the_same_can_be_asked_for_again(cast: Cast, three, browser: Browser):
    alice = browser(cast.alice)
    alice.post(PATH, filled(three[:2]))
    asked = AccessRequest.objects.get()
    approve(asked, by=cast.bob)
    html = alice.get("/").content.decode()
    query = re.search(rf'href="/requests/new/\?([^"]*again={asked.reference})"', html)[1]
    form = alice.get(f"{PATH}?{query.replace('&amp;', '&')}")
    assert "Request access to 2 machines" in words(form)
    assert "Patch all of them" in words(form)
