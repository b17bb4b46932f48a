"""Programs that call the API with a token of Entra's."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
from django.test import Client

from access.models import AccessRequest, LedgerEntry, Person, PersonRole
from tests.support import entra as fake
from tests.support.cast import Cast, ask, be_seen
from tests.support.entra import CLIENT, OTHER_TENANT, TENANT, Entra
from tests.support.estate import machine

pytestmark = pytest.mark.django_db


def call(token: str, path: str = "/api/v1/requests/", **sent: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    if sent:
        return Client().post(path, sent, content_type="application/json", headers=headers)
    return Client().get(path, headers=headers)


def test_a_program_with_a_role_reads_and_is_known_from_then_on(entra: Entra) -> None:
    token = entra.application_token("Robot", "Auditor")
    assert call(token).status_code == 200
    robot = Person.objects.get()
    assert (robot.tenant_id, robot.object_id) == (TENANT, fake.oid("Robot"))
    assert (robot.display_name, robot.is_application) == ("Robot", True)
    assert robot.held_roles == {"auditor"}
    lines = LedgerEntry.objects.count()
    assert call(token).status_code == 200
    assert LedgerEntry.objects.count() == lines


@pytest.mark.parametrize("audience", [CLIENT, f"api://{CLIENT}"])
def test_the_audience_is_the_application_or_its_uri(audience: str, entra: Entra) -> None:
    assert call(entra.application_token("Robot", "Auditor", aud=audience)).status_code == 200


def test_with_the_engineers_role_it_asks(entra: Entra, cast: Cast) -> None:
    be_seen()
    vm = machine()
    token = entra.application_token("Robot", "Engineer")
    answer = call(
        token, machine_id=vm.pk, kind="window", port=vm.login_port, minutes=30, reason="Nightly",
    )  # fmt: skip
    assert answer.status_code == 201, answer.content
    assert AccessRequest.objects.get().requester.is_application


def test_with_the_auditors_role_it_does_not(entra: Entra, cast: Cast) -> None:
    vm = machine()
    token = entra.application_token("Robot", "Auditor")
    answer = call(token, machine_id=vm.pk, kind="window", port=22, minutes=30, reason="Nightly job")
    assert answer.status_code == 403


@pytest.mark.parametrize("roles", [["Approver"], ["Admin"], ["Engineer", "Approver", "Admin"]])
def test_it_never_decides_anything(roles: list[str], entra: Entra, cast: Cast) -> None:
    """X-02"""
    be_seen()
    asked = ask(machine(), by=cast.alice)
    token = entra.application_token("Robot", *roles)
    path = f"/api/v1/requests/{asked.reference}/approve/"
    answer = call(token, path, terms_digest=asked.terms_digest)
    assert answer.status_code in {403, 404}
    asked.refresh_from_db()
    assert asked.state == "pending"
    held = PersonRole.objects.filter(person__is_application=True).values_list("role", flat=True)
    assert not {"approver", "admin"} & set(held)


def test_a_role_that_entra_took_away_is_gone_with_the_next_token(entra: Entra) -> None:
    old = entra.application_token("Robot", "Auditor", iat=int(time.time()) - 60)
    assert call(old).status_code == 200
    assert call(entra.application_token("Robot")).status_code == 403
    assert call(old).status_code == 403  # what was said later counts


def test_a_program_that_is_switched_off_is_refused(entra: Entra) -> None:
    token = entra.application_token("Robot", "Auditor")
    call(token)
    Person.objects.update(is_active=False)
    assert call(token).status_code == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "00000003-0000-0000-c000-000000000000"},
        {"iss": f"https://sts.windows.net/{TENANT}/", "ver": "1.0"},
        {"tid": OTHER_TENANT},
        {"exp": 1},
        {"nbf": 9_999_999_999},
    ],
)
def test_a_token_that_is_not_for_us_is_nobodys(changes: dict[str, Any], entra: Entra) -> None:
    """X-26"""
    answer = call(entra.application_token("Robot", "Auditor", **changes))
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert not Person.objects.exists()
    assert not LedgerEntry.objects.exists()


@pytest.mark.parametrize(
    "signer",
    [
        fake.unsigned,
        fake.signed_with_the_public_key,
        fake.signed_with_an_unknown_key,
        fake.signed_with_a_stolen_name,
    ],
)
def test_nor_one_that_entra_did_not_sign(signer: fake.Signer, entra: Entra) -> None:
    """X-26"""
    entra.sign_with = signer
    assert call(entra.application_token("Robot", "Auditor")).status_code == 401
    assert not Person.objects.exists()


@pytest.mark.parametrize("changes", [{"idtyp": None}, {"idtyp": "user"}, {"scp": "access"}])
def test_a_token_for_a_person_is_refused(changes: dict[str, Any], entra: Entra) -> None:
    answer = call(entra.application_token("Robot", "Auditor", **changes))
    assert answer.status_code == 403
    assert "personal token" in answer.json()["detail"]
    assert not Person.objects.exists()
    line = LedgerEntry.objects.get(event="token.refused")
    assert (line.outcome, line.data) == ("denied", {"reason": "not-a-program"})


def test_an_id_token_is_no_key(entra: Entra) -> None:
    raw = fake.signed(entra.claims_of(entra.user("Alice", "Admin")), entra.key)
    assert call(raw).status_code == 403


def test_a_program_cannot_be_the_person_with_the_same_id(entra: Entra) -> None:
    Person.objects.create(tenant_id=TENANT, object_id=fake.oid("Robot"), display_name="Not a robot")
    assert call(entra.application_token("Robot", "Auditor")).status_code == 403


def test_refusals_of_one_program_are_one_line_a_minute(entra: Entra) -> None:
    for _ in range(4):
        assert call(entra.application_token("Robot")).status_code == 403
    assert LedgerEntry.objects.filter(event="token.refused").count() == 1


def test_without_entra_there_are_no_such_tokens(client: Client) -> None:
    headers = {"Authorization": "Bearer e30.e30.e30"}
    assert client.get("/api/v1/requests/", headers=headers).status_code == 401


def test_the_keys_away_is_said(entra: Entra, settings: Any) -> None:
    settings.ENTRA_AUTHORITY = "https://localhost:9"
    answer = call(entra.application_token("Robot", "Auditor"))
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:bastion-access:directory-away"


def test_a_key_of_a_repeated_call_is_its_own(entra: Entra) -> None:
    """Two programs are two people."""
    for name in ("Robot", "Other robot"):
        call(entra.application_token(name, "Auditor"), f"/api/v1/requests/?x={uuid.uuid4()}")
    assert Person.objects.filter(is_application=True).count() == 2
