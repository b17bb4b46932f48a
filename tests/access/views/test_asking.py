"""Asking for access: the form, its errors, and sending it twice."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from access.models import AccessRequest, Machine, Person
from access.walltime import NoSuchTimeError, moment_in
from tests.access.views.conftest import Browser
from tests.access.views.test_request_page import words
from tests.support import estate
from tests.support.cast import Cast, ask

PATH = "/requests/new/"


def filled(vm: Machine, **changes: Any) -> dict[str, Any]:
    values = {
        "submission_key": str(uuid.uuid4()),
        "machine": vm.pk,
        "way": "window:22",
        "minutes": "60",
        "when": "now",
        "reason": "Disk is full",
    }
    return values | changes


def test_asking_leads_to_the_request(cast: Cast, vm: Machine, browser: Browser):
    response = browser(cast.alice).post(PATH, filled(vm, ticket="INC-1"))
    asked = AccessRequest.objects.get()
    assert (response.status_code, response.url) == (302, f"/requests/{asked.reference}/")
    assert (asked.duration_minutes, asked.ticket, asked.kind) == (60, "INC-1", "window")


def test_a_double_click_is_one_request(cast: Cast, vm: Machine, browser: Browser):
    alice, form = browser(cast.alice), filled(vm)
    first, second = alice.post(PATH, form), alice.post(PATH, form)
    assert first.url == second.url
    assert AccessRequest.objects.count() == 1


def test_each_loaded_form_has_a_key_of_its_own(cast: Cast, vm: Machine, browser: Browser):
    alice = browser(cast.alice)
    keys = {
        re.search(
            r'name="submission_key" value="([^"]+)"',
            alice.get(f"{PATH}?machine={vm.pk}").content.decode(),
        )[1]
        for _ in range(2)
    }
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("changes", "where", "says"),
    [
        ({"reason": "  "}, "id_reason", "Say what you need the access for"),
        ({"reason": "x" * 1001}, "id_reason", "1000"),
        ({"way": "window:9999"}, "id_way", "Select a valid choice"),
        ({"way": ""}, "id_way", "Choose a way in"),
        ({"minutes": ""}, "id_minutes", "Choose how long"),
        ({"minutes": "240"}, "id_minutes", "Select a valid choice"),
        (
            {"minutes": "custom", "custom_minutes": "240"},
            "id_minutes",
            "Choose between 5 and 180 minutes",
        ),
        ({"minutes": "custom"}, "id_custom_minutes", "Type how many minutes"),
        ({"minutes": "custom", "custom_minutes": "0"}, "id_custom_minutes", "greater than"),
        ({"when": "later"}, "id_start", "Give a day and a time"),
        ({"when": "later", "start": "2020-01-01T10:00"}, "id_start", "must not be in the past"),
        ({"when": "later", "start": "nonsense"}, "id_start", "Give a day and a time"),
        ({"ticket": "no spaces please"}, "id_ticket", "A ticket looks like"),
        ({"way": "link:22"}, "id_way", "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_on_top_and_at_the_field(
    changes, where, says, cast: Cast, vm: Machine, browser: Browser
):
    response = browser(cast.alice).post(PATH, filled(vm, **changes))
    html = response.content.decode()
    assert response.status_code == 400
    assert "<title>Error: " in html
    assert re.search(rf'<li><a href="#{where}">[^<]*{says}', html)
    assert f'id="{where}"' in html
    assert not AccessRequest.objects.exists()


def test_a_wrong_form_keeps_what_was_typed(cast: Cast, vm: Machine, browser: Browser):
    response = browser(cast.alice).post(PATH, filled(vm, reason="Kept words", ticket="a b"))
    html = response.content.decode()
    assert "Kept words" in html
    assert 'value="60" checked' in html


def test_a_custom_length(cast: Cast, vm: Machine, browser: Browser):
    browser(cast.alice).post(PATH, filled(vm, minutes="custom", custom_minutes="45"))
    assert AccessRequest.objects.get().duration_minutes == 45


def test_later_is_meant_in_the_persons_zone(cast: Cast, vm: Machine, browser: Browser):
    Person.objects.filter(pk=cast.alice.pk).update(zone="Asia/Tokyo")
    from access.clock import db_now

    start = (
        db_now()
        .astimezone(ZoneInfo("Asia/Tokyo"))
        .replace(hour=9, minute=0, second=0, microsecond=0)
    )
    from datetime import timedelta

    start += timedelta(days=2)
    typed = start.strftime("%Y-%m-%dT%H:%M")
    browser(cast.alice).post(PATH, filled(vm, when="later", start=typed))
    assert AccessRequest.objects.get().asked_start == start


BERLIN = ZoneInfo("Europe/Berlin")


def test_an_hour_that_the_clocks_skip_is_explained():
    with pytest.raises(NoSuchTimeError, match="does not exist in Europe/Berlin"):
        moment_in(BERLIN, datetime(2027, 3, 28, 2, 30))


def test_an_hour_that_happens_twice_is_explained():
    with pytest.raises(NoSuchTimeError, match="happens twice in Europe/Berlin"):
        moment_in(BERLIN, datetime(2027, 10, 31, 2, 30))


def test_any_other_time_is_plain():
    assert moment_in(BERLIN, datetime(2027, 7, 1, 12, 0)) == datetime(2027, 7, 1, 10, tzinfo=UTC)


def test_a_refused_way_is_shown_with_its_reason_and_cannot_be_chosen(cast: Cast, browser: Browser):
    vm = estate.machine(bastion=estate.host("basic", sku="Basic"))
    html = browser(cast.alice).get(f"{PATH}?machine={vm.pk}").content.decode()
    assert "Standard or Premium" in html
    assert 'value="link:' not in html


def test_a_machine_that_cannot_be_asked_for_has_no_form_to_send(cast: Cast, browser: Browser):
    vm = estate.machine(bastion=estate.host("basic", sku="Basic"))
    vm.jit_ports.all().delete()
    html = browser(cast.alice).get(f"{PATH}?machine={vm.pk}").content.decode()
    assert "Nothing can be asked for" in html
    assert "Send request" not in html


def test_request_again_brings_the_last_values(cast: Cast, vm: Machine, browser: Browser):
    former = ask(vm, by=cast.alice, minutes=45, reason="Same as last week", ticket="INC-7")
    path = f"{PATH}?machine={vm.pk}&kind=window&again={former.reference}"
    html = browser(cast.alice).get(path).content.decode()
    assert "Same as last week" in html
    assert 'value="INC-7"' in html
    assert 'value="custom" checked' in html
    foreign = browser(cast.charlie).get(path).content.decode()
    assert "Same as last week" not in foreign


def test_without_the_role_asking_is_refused(cast: Cast, vm: Machine, browser: Browser):
    erin = browser(cast.erin)
    assert erin.get(f"{PATH}?machine={vm.pk}").status_code == 403
    assert erin.post(PATH, filled(vm)).status_code == 403
    assert "Engineer role" in words(erin.post(PATH, filled(vm)))


@pytest.mark.parametrize("sent", ["0", "abc", "9" * 30, "²"])
def test_no_such_machine(sent: str, cast: Cast, vm: Machine, browser: Browser):
    assert browser(cast.alice).get(PATH, {"machine": sent}).status_code == 404


def test_no_machine_leads_to_the_machines(cast: Cast, vm: Machine, browser: Browser):
    assert browser(cast.alice).get(PATH).url == "/machines/"


def test_the_preview_says_when_it_would_end(cast: Cast, vm: Machine, browser: Browser):
    alice = browser(cast.alice)
    there = f"{PATH}preview/"
    assert "Ends" in words(alice.get(there, {"minutes": "60", "when": "now"}))
    assert "Choose a length" in words(alice.get(there, {"minutes": "x"}))
    wrong = alice.get(there, {"minutes": "60", "when": "later", "start": "no"})
    assert "Give a day and a time" in words(wrong)
