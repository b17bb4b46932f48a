"""Who is calling: managed identity tokens, as azure-identity asks for them."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import ManagedIdentityCredential
from azure.mgmt.network import NetworkManagementClient

from tests.azure.simulator.doing import error_of, vms
from tests.azure.simulator.service import (
    BASTION,
    SCOPE,
    SUB,
    VM,
    LoopbackAuthentication,
    Service,
)


@pytest.fixture
def _identity(cloud: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{cloud.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "simulated")


def network_as(cloud: Service, client_id: str | None) -> NetworkManagementClient:
    credential = ManagedIdentityCredential(client_id=client_id)
    return NetworkManagementClient(
        credential,
        SUB,
        base_url=cloud.url,
        credential_scopes=[SCOPE],
        authentication_policy=LoopbackAuthentication(credential, SCOPE),
        retry_total=0,
    )


@pytest.mark.usefixtures("_identity")
@pytest.mark.parametrize(
    ("client_id", "principal"), [(None, "portal-worker"), ("opener", "opener")]
)
def test_the_real_managed_identity_credential_gets_a_token(
    cloud: Service, client_id: str | None, principal: str
) -> None:
    network_as(cloud, client_id).begin_put_bastion_shareable_link(
        "rg-hub", "bastion-hub", vms(VM), polling=False
    )
    assert [row["principal"] for row in cloud.record("link.create")] == [principal]
    assert cloud.state()["links"][0]["principal"] == principal


@pytest.mark.usefixtures("_identity")
def test_one_principal_may_be_denied_what_another_may(cloud: Service) -> None:
    cloud.fault(principal="reader", operation="link.*", action="status", status=403)
    with pytest.raises(HttpResponseError) as info:
        network_as(cloud, "reader").begin_put_bastion_shareable_link(
            "rg-hub", "bastion-hub", vms(VM)
        )
    assert error_of(info) == (403, "AuthorizationFailed")
    network_as(cloud, "opener").begin_put_bastion_shareable_link(
        "rg-hub", "bastion-hub", vms(VM), polling=False
    )
    refused, accepted = cloud.record("link.create")
    assert (refused["principal"], refused["status"]) == ("reader", 403)
    assert (accepted["principal"], accepted["status"]) == ("opener", 202)


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer made-up", "Bearer a.b.c", "Basic eDp5"])
def test_a_token_that_was_not_minted_here_is_401(cloud: Service, token: str) -> None:
    path = f"{BASTION}?api-version=2026-03-01"
    status, headers, body = cloud.raw("GET", path, Authorization=token)
    assert status == 401
    assert headers["www-authenticate"].startswith("Bearer authorization_uri=")
    assert body["error"]["code"] in {"AuthenticationFailed", "InvalidAuthenticationToken"}


def test_a_refused_write_without_a_token_is_recorded(cloud: Service) -> None:
    path = f"{BASTION}/createShareableLinks?api-version=2026-03-01"
    cloud.raw("POST", path, vms(VM), Authorization="")
    (row,) = cloud.record("link.create")
    assert (row["status"], row["principal"]) == (401, "")
    assert cloud.state()["links"] == []


def test_the_identity_endpoint_wants_its_header(cloud: Service) -> None:
    path = "/msi/token?api-version=2019-08-01&resource=https://management.azure.com"
    assert cloud.raw("GET", path)[0] == 401
    status, _, body = cloud.raw("GET", path, **{"X-IDENTITY-HEADER": "x"})
    assert (status, body["token_type"]) == (200, "Bearer")
    assert int(body["expires_on"]) > 0


@pytest.mark.usefixtures("_identity")
def test_an_identity_endpoint_that_fails(cloud: Service) -> None:
    cloud.fault(operation="token.get", action="status", status=400, code="invalid_request")
    with pytest.raises(ClientAuthenticationError):
        ManagedIdentityCredential().get_token(SCOPE)
