"""The page about the API is kept: its examples are run, its tables are those of the code."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.test import Client

from access.api import filters
from access.services import tokens
from tests.access.api.calling import token_of
from tests.support.cast import Cast, approved
from tests.support.estate import machine

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "api.md").read_text()
EXAMPLES = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
ORIGIN = "https://access.example.com"


def words_of(example: str, token: str) -> list[str]:
    text = example.replace("\\\n", " ").replace("$API", f"{ORIGIN}/api/v1")
    return shlex.split(text.replace("$TOKEN", token))


def run(words: list[str]) -> Any:
    """As curl would, of what the page uses of it."""
    assert words[:2] == ["curl", "-s"]
    rest, method, headers, body, address = words[2:], "GET", {}, None, ""
    while rest:
        word = rest.pop(0)
        if word == "-X":
            method = rest.pop(0)
        elif word == "-H":
            name, value = rest.pop(0).split(": ", 1)
            headers[name] = value
        elif word == "-d":
            body = json.loads(rest.pop(0))
        elif word == "-o":
            rest.pop(0)
        else:
            address = word
    client, path = Client(), address.removeprefix(ORIGIN)
    if method == "POST":
        kind = headers.pop("Content-Type")
        return client.post(path, body, content_type=kind, headers=headers)
    return client.get(path, headers=headers)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 8


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_works(cast: Cast, example: str) -> None:
    """With the numbers of what is there."""
    vm = machine()
    caller, _ = token_of(cast.alice)
    grant = approved(machine("vm-app-02"), by=cast.alice, approver=cast.bob)
    example = example.replace('"machine_id": 1', f'"machine_id": {vm.pk}')
    example = example.replace("grants/1/", f"grants/{grant.pk}/")
    token = caller.headers["Authorization"].removeprefix("Bearer ")
    answer = run(words_of(example, token))
    if "device/token" in example:  # of a code that nobody was given
        assert answer.json()["type"] == "urn:bastion-access:expired-token"
    else:
        assert answer.status_code in (200, 201), answer.content
    if answer.streaming:
        b"".join(answer.streaming_content)


def test_every_address_and_every_parameter_is_described() -> None:
    described = yaml.safe_load((DOCS / "openapi.yaml").read_text())["paths"]
    for example in EXAMPLES:
        words = words_of(example, "t")
        address = next(word for word in words if word.startswith(ORIGIN))
        path, _, query = address.removeprefix(ORIGIN).partition("?")
        path = re.sub(r"/\d+/", "/{id}/", path)
        assert path in described
        method = "post" if "POST" in words else "get"
        known = {each["name"] for each in described[path][method].get("parameters", [])}
        assert {part.split("=")[0] for part in query.split("&") if part} <= known


@pytest.mark.parametrize("name", ["requests", "grants", "machines", "sessions", "ledger"])
def test_the_filters_are_those_of_the_code(name: str) -> None:
    kinds = {"requests": "Request", "grants": "Grant", "machines": "Machine",
             "sessions": "Session", "ledger": "Ledger"}  # fmt: skip
    row = re.search(rf"^\| `{name}/` \| (.*) \|$", PAGE, re.MULTILINE)
    assert row
    known = getattr(filters, f"{kinds[name]}Filter").base_filters
    assert re.findall(r"`([a-z_]+)`", row[1]) != []
    assert set(re.findall(r"`([a-z_]+)`", row[1])) == set(known)


def test_the_limits_are_those_of_the_settings() -> None:
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    for name, words in [("calls", "600 a minute"), ("writes", "120 a minute"),
                        ("exports", "20 an hour"),
                        ("descriptions", "10 a minute"),
                        ("devices", "20; 240 a minute")]:  # fmt: skip
        assert words in PAGE
        assert rates[name].split("/")[0] == words.split(" ")[0].rstrip(";")
    assert rates["device-polls"].startswith("240/")
    assert tokens.DAYS[-1] == 90


def test_every_answer_is_described() -> None:
    """Each operation says what it can answer, and which scope it takes."""
    described = yaml.safe_load((DOCS / "openapi.yaml").read_text())["paths"]
    for path, methods in described.items():
        for method, operation in methods.items():
            assert "429" in operation["responses"], (path, method)
            if operation.get("security"):
                assert "401" in operation["responses"], (path, method)
                takes = ("Scope: `", "In a browser session only.")
                assert any(words in operation["description"] for words in takes), (path, method)
