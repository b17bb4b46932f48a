"""The page that stands in for Azure Bastion's own: who was given a link gets in, until it is gone."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest

from tests.azure.simulator.doing import create_links, delete_links, initiate, port, sessions
from tests.azure.simulator.service import VM, WINDOWS, Service


class Stays(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def ask(cloud: Service, path: str, form: dict[str, str] | None = None) -> tuple[int, Any, str]:
    data = None if form is None else urllib.parse.urlencode(form).encode()
    opener = urllib.request.build_opener(Stays)
    try:
        with opener.open(cloud.url + path, data, timeout=10) as got:
            return got.status, got.headers, got.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def page_of(cloud: Service, vm: str = VM) -> str:
    (link,) = (each for each in cloud.state()["links"] if each["vm"] == vm)
    return f"/stand-in/{link['bsl'].removeprefix('https://')}"


@pytest.fixture
def page(cloud: Service) -> str:
    initiate(cloud)
    create_links(cloud, VM)
    return page_of(cloud)


def test_it_says_what_it_is_and_lets_nobody_in_by_being_read(cloud: Service, page: str) -> None:
    status, headers, text = ask(cloud, page)
    assert status == 200
    assert "stands in for Azure Bastion" in text
    assert "vm-app-01" in text
    assert (headers["Referrer-Policy"], headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert "<script" not in text
    assert not [name for name in headers if name.lower().startswith("x-ms-")]
    assert cloud.state()["sessions"] == []


def test_who_goes_on_is_connected_and_listed_until_disconnected(cloud: Service, page: str) -> None:
    status, headers, _ = ask(cloud, page, {"user": "tech<b>"})
    assert status == 303
    (row,) = sessions(cloud)
    assert (row.user_name, row.target_resource_id, row.protocol) == ("tech<b>", VM, "SSH")
    text = ask(cloud, headers["Location"])[2]
    assert "tech&lt;b&gt;" in text
    assert "is connected" in text
    cloud.control("DELETE", f"sessions/{row.session_id}")
    assert "was disconnected" in ask(cloud, headers["Location"])[2]
    told = [row["operation"] for row in cloud.record()]
    assert told[-2:] == ["session.connected", "session.ended"]


def test_a_windows_machine_is_met_by_rdp_under_a_name_of_its_own(cloud: Service) -> None:
    initiate(cloud, port(3389), vm=WINDOWS)
    create_links(cloud, WINDOWS)
    assert ask(cloud, page_of(cloud, WINDOWS), {})[0] == 303
    (row,) = sessions(cloud)
    assert (row.user_name, row.protocol) == ("vendor-local", "RDP")


def test_a_link_alone_opens_no_port(cloud: Service) -> None:
    create_links(cloud, VM)
    status, _, text = ask(cloud, page_of(cloud), {})
    assert (status, "a link alone opens none" in text) == (409, True)
    assert cloud.state()["sessions"] == []


def test_once_the_link_is_deleted_its_address_leads_nowhere(cloud: Service, page: str) -> None:
    """X-44"""
    first = ask(cloud, page, {})[1]["Location"]
    delete_links(cloud, VM)
    for path, form in ((page, None), (page, {}), (first, None)):
        status, _, text = ask(cloud, path, form)
        assert (status, "leads nowhere" in text) == (404, True)
    assert len(cloud.state()["sessions"]) == 1  # deleting a link throws nobody out


@pytest.mark.parametrize("path", ["/stand-in/", "/stand-in/x", "/stand-in/a/api/shareable-url/b"])
def test_an_address_that_was_never_made_leads_nowhere(cloud: Service, path: str) -> None:
    assert ask(cloud, path)[0] == 404
    assert ask(cloud, path, {})[0] == 404


def test_it_is_neither_counted_nor_recorded_as_arm(cloud: Service, page: str) -> None:
    before, calls = cloud.record(), cloud.control("GET", "calls")
    ask(cloud, page)
    assert ask(cloud, "/stand-in/nothing")[0] == 404
    assert cloud.record() == before
    assert cloud.control("GET", "calls") == calls


def test_arm_does_not_know_it(cloud: Service, page: str) -> None:
    """What asks Azure under that path is answered by the page, never in Azure's words."""
    status, headers, text = ask(cloud, f"{page}?api-version=2024-05-01")
    assert status == 200
    assert headers["Content-Type"].startswith("text/html")
    assert "bsl" not in text
