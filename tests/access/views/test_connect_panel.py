"""The connect panel: who sees it, what people may change in it, and the scripts to save."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from access import services
from access.kinds import Place
from access.models import BastionHost, Grant, Machine
from tests.access.views.conftest import Browser, make_closed, make_open, make_overdue
from tests.access.views.test_request_page import page, words
from tests.support import estate
from tests.support.cast import Cast, approved


def script(grant: Grant, language: str = "bash") -> str:
    return reverse("grant-script", args=[grant.pk, language])


def panel(browser: Client, grant: Grant, query: str = "") -> str:
    html = browser.get(page(grant.access_request) + query).content.decode()
    return html[html.index('id="connect"') :].partition("</section>")[0]


class TestPanel:
    def test_one_way_is_recommended_and_the_others_are_a_click_away(
        self, cast: Cast, opened: Grant, browser: Browser
    ):
        html = panel(browser(cast.alice), opened)
        first, _, rest = html.partition("<details>")
        assert "--auth-type" in first
        assert "AAD" in first
        summaries = re.findall(r"<summary>(.*?)</summary>", rest)
        assert summaries[0] == "With an SSH key"
        assert {"Copy files", "Script: bash", "Script: PowerShell", "In the browser"} < set(
            summaries
        )

    def test_every_copy_button_finds_its_command(self, cast: Cast, opened: Grant, browser: Browser):
        html = panel(browser(cast.alice), opened)
        buttons = re.findall(r'data-copy="(command-[\d-]+)"', html)
        assert len(buttons) == len(set(buttons)) > 8
        assert all(html.count(f'id="{each}"') == 1 for each in buttons)

    def test_what_alice_changes_stays_while_the_page_polls_and_in_what_she_saves(
        self, cast: Cast, opened: Grant, browser: Browser
    ):
        alice, query = browser(cast.alice), "?user_name=alice&local_port=23456"
        html = alice.get(page(opened.access_request) + query).content.decode()
        poll = re.search(r'hx-get="([^"]+)"', html)
        assert poll
        address = urlsplit(poll[1].replace("&amp;", "&"))
        assert address.query == query[1:]
        for path in (f"{page(opened.access_request)}{query}", f"{address.path}?{address.query}"):
            text = words(alice.get(path))
            assert "alice@127.0.0.1" in text
            assert "--port 23456" in text
        saved = alice.get(script(opened) + query).content.decode()
        assert "DEFAULT_PORT=23456\nDEFAULT_USER=alice\n" in saved

    @pytest.mark.parametrize(
        "query",
        ["?local_port=80", "?local_port=70000", "?user_name=-oProxyCommand=x", "?user_name=a b"],
    )
    def test_what_cannot_be_is_said_and_not_used(
        self, query: str, cast: Cast, opened: Grant, browser: Browser
    ):
        text = panel(browser(cast.alice), opened, query)
        assert "Error: " in text
        assert "azureuser@127.0.0.1" in text
        assert "ProxyCommand" not in text.replace('value="-oProxyCommand=x"', "")

    def test_without_any_way_in_it_says_so(self, cast: Cast, browser: Browser):
        vm = estate.machine()
        estate.guard(vm, port=5432)
        grant = make_open(approved(vm, by=cast.alice, approver=cast.bob, port=5432))
        BastionHost.objects.update(tunneling=False)
        text = words(browser(cast.alice).get(page(grant.access_request)))
        assert "Nothing leads to port 5432" in text
        assert "az login" not in text

    def test_the_host_is_the_one_that_azure_let_in(
        self, cast: Cast, opened: Grant, browser: Browser
    ):
        """A sync moved the machine to another host: from there the port is shut."""
        Grant.objects.update(place=Place.of(opened.machine).as_json())
        other = estate.host("bastion-elsewhere")
        Machine.objects.filter(pk=opened.machine_id).update(bastion=other)
        html = panel(browser(cast.alice), opened)
        assert "bastion-hub" in html
        assert "bastion-elsewhere" not in html


class TestScripts:
    @pytest.mark.parametrize(
        ("language", "ending", "mark"),
        [("bash", "sh", b"#!"), ("powershell", "ps1", b"\xef\xbb\xbf<#")],
    )
    def test_alice_saves_one(
        self, language: str, ending: str, mark: bytes, cast: Cast, opened: Grant, browser: Browser
    ):
        answer = browser(cast.alice).get(script(opened, language))
        assert answer.status_code == 200
        wanted = f'attachment; filename="tunnel-vm-app-01-22.{ending}"'
        assert answer["Content-Disposition"] == wanted
        assert "no-store" in answer["Cache-Control"]
        assert answer.content.startswith(mark)
        assert opened.machine.resource_id in answer.content.decode()

    @pytest.mark.parametrize("who", ["bob", "charlie", "dana", "erin"])
    def test_for_others_there_is_none(self, who: str, cast: Cast, opened: Grant, browser: Browser):
        assert browser(getattr(cast, who)).get(script(opened)).status_code == 404

    def test_there_is_none_before_after_and_once_the_end_was_ordered(
        self, cast: Cast, vm: Machine, browser: Browser
    ):
        alice = browser(cast.alice)
        grant = approved(vm, by=cast.alice, approver=cast.bob)
        assert alice.get(script(grant)).status_code == 404
        make_open(grant)
        assert alice.get(script(grant)).status_code == 200
        services.end(grant, by=cast.alice)
        assert alice.get(script(grant)).status_code == 404
        make_overdue(grant)
        assert alice.get(script(grant)).status_code == 404
        make_closed(grant, opened=True)
        assert alice.get(script(grant)).status_code == 404

    def test_there_are_no_others(self, cast: Cast, opened: Grant, browser: Browser):
        alice = browser(cast.alice)
        assert alice.get(script(opened, "address")).status_code == 404
        assert alice.get(script(opened, "shell")).status_code == 404
        assert alice.post(script(opened)).status_code == 405

    def test_a_basic_host_has_none(self, cast: Cast, browser: Browser):
        vm = estate.machine(bastion=estate.host("basic", sku="Basic", tunneling=False))
        grant = make_open(approved(vm, by=cast.alice, approver=cast.bob))
        assert browser(cast.alice).get(script(grant)).status_code == 404


class TestApi:
    def test_it_tells_the_requester_while_it_is_open(
        self, cast: Cast, opened: Grant, browser: Browser
    ):
        path = f"/api/v1/grants/{opened.pk}/"
        told = browser(cast.alice).get(path).json()["connect"]
        assert told[0]["title"] == "SSH with Entra ID"
        assert told[0]["text"].endswith("--auth-type AAD")
        assert set(told[0]) == {"title", "group", "text"}
        assert browser(cast.bob).get(path).json()["connect"] == []
        answer = browser(cast.alice).post(f"{path}end/", {}, content_type="application/json")
        assert answer.json()["connect"] == []

    def test_a_list_of_many_asks_no_more_than_a_list_of_one(
        self, cast: Cast, opened: Grant, browser: Browser
    ):
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        alice, asked = browser(cast.alice), []
        for more in range(2):
            with CaptureQueriesContext(connection) as seen:
                assert len(alice.get("/api/v1/grants/").json()["results"]) == 1 + more * 3
            asked.append(len(seen))
            for number in range(3):
                vm = estate.machine(f"vm-{more}-{number}")
                make_open(approved(vm, by=cast.alice, approver=cast.bob))
        assert asked[0] == asked[1]
