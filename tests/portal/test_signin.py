"""Signing in and out, and the pages for what went wrong."""

from __future__ import annotations

import pytest
from django.test import Client, RequestFactory

from access.models import LedgerEntry, Person, PersonRole
from portal.web import problems

DEMO = "/sign-in/demo/"


@pytest.fixture
def demo(db: None) -> Person:
    made = Person.objects.create(
        tenant_id="demo", object_id="engineer", display_name="Demo engineer"
    )
    PersonRole.objects.create(person=made, role="engineer")
    return made


def test_one_click_signs_in_and_the_ledger_knows(demo: Person, client: Client):
    assert "Demo engineer" in client.get("/sign-in/").content.decode()
    response = client.post(DEMO, {"person": "engineer", "next": "/machines/"})
    assert response.url == "/machines/"
    assert client.get("/machines/").status_code == 200
    client.post("/sign-out/")
    assert client.get("/machines/").status_code == 302
    events = list(LedgerEntry.objects.order_by("seq").values_list("event", flat=True))
    assert events == ["person.signed_in", "person.signed_out"]


def test_the_session_is_a_new_one(demo: Person, client: Client):
    client.get("/sign-in/")
    session = client.session
    session["planted"] = "yes"
    session.save()
    before = session.session_key
    client.post(DEMO, {"person": "engineer"})
    assert client.session.session_key != before


@pytest.mark.parametrize(
    "evil",
    ["https://evil.test/", "//evil.test", "javascript:alert(1)", "\\\\evil.test", "machines/"],
)
def test_no_link_chooses_where_one_lands(evil: str, demo: Person, client: Client):
    assert client.post(DEMO, {"person": "engineer", "next": evil}).url == "/"


def test_without_the_setting_the_demo_does_not_exist(demo: Person, client: Client, settings):
    settings.ACCESS_DEMO_SIGN_IN = False
    assert client.post(DEMO, {"person": "engineer"}).status_code == 404
    html = client.get("/sign-in/").content.decode()
    assert "not configured here yet" in html
    assert "Demo engineer" not in html


def test_only_the_demos_active_people_sign_in(demo: Person, client: Client):
    Person.objects.create(tenant_id="real", object_id="boss", display_name="Boss")
    assert client.post(DEMO, {"person": "boss"}).status_code == 404
    Person.objects.update(is_active=False)
    assert client.post(DEMO, {"person": "engineer"}).status_code == 404


def test_signing_in_needs_a_post(demo: Person, client: Client):
    assert client.get(DEMO).status_code == 405
    assert client.get("/sign-out/").status_code == 405


def test_a_fault_of_ours_has_a_page_that_asks_the_database_nothing():
    request = RequestFactory().get("/")
    response = problems.server_error(request)
    assert response.status_code == 500
    assert "Something went wrong on our side" in response.content.decode()


def test_a_database_that_is_away_is_said():
    from django.db import OperationalError

    request = RequestFactory().get("/")
    try:
        raise OperationalError
    except OperationalError:
        response = problems.server_error(request)
    assert response.status_code == 503
    assert "cannot reach its database" in response.content.decode()


@pytest.mark.django_db
def test_a_bad_request_has_a_page(client: Client):
    response = client.get("/", headers={"Host": "evil.test"})
    assert response.status_code == 400
    assert "could not be read" in response.content.decode()
