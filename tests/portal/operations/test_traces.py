"""From a click to Azure in one trace, and nothing in it that was not to be told."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.request
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from portal.logs.calls import call_of
from portal.tracing.sampling import WorkOnly
from portal.tracing.saying import said_of
from tests.portal.test_settings import ROOT
from tests.support.collector import Collector, Told, collector
from tests.support.product import Browser, Portal, ask_and_approve, comes, eventually, portal

CALL = "POST locations/jitNetworkAccessPolicies/initiate"
CLICK = "POST api-request-approve"
HOST = (
    "/subscriptions/5c0ffee/resourceGroups/rg-secret/providers/Microsoft.Network/bastionHosts/b-1"
)
CONTEXT = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1))


@pytest.mark.processes
def test_one_trace_and_one_id_lead_from_the_click_to_azure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is told of a door that opened late finds by one id where the time went."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
    with collector() as told:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", told.url)
        with portal(tmp_path / "var") as made:
            made.wait_until_ready()
            asked = _follow(made, told)
            _forged(made, told)
            assert asked["reason"] not in told.text()
            assert "vm-lab-01" not in told.text()
            assert "/api/v1/" not in told.text()


def _follow(made: Portal, told: Collector) -> dict[str, Any]:
    """Of the calls of Azure that look at the gate or open it, one that a click led to. Where an
    audit holds the gate just then, or a sweep is quicker, the click finds nothing to do."""
    way = [CLICK, "run access.look"]

    def led_to() -> list[Told]:
        calls = [span for span in told.spans if "azure.call" in span.attributes]
        return [span for span in calls if told.above(span)[:-1] == way]

    for kind, machine in product(("window", "link"), ("vm-lab-01", "vm-lab-02")):
        asked = ask_and_approve(made, kind=kind, machine=machine)
        if comes(lambda: bool(led_to()), seconds=15):  # what is above ends later, is told later
            break
    assert led_to(), "no click led to Azure"
    call = led_to()[0]
    (click,) = (span for span in told.named(CLICK) if span.trace == call.trace)
    ids = {each.attributes["portal.request_id"] for each in (call, click)}
    assert len(ids) == 1

    def told_as_azure_was_sent_it() -> bool:
        sent = {each.attributes["azure.client_request_id"] for each in told.named(CALL)}
        return bool(
            sent & {each.get("client_request_id") for each in made.azure("record")["record"]}
        )

    eventually(told_as_azure_was_sent_it, seconds=20)
    verbs = {span.attributes.get("db.operation") for span in told.spans if span.trace == call.trace}
    assert {"SELECT", "UPDATE"} <= verbs
    assert {span.service for span in told.spans} == {"bastion-access"}
    return asked


def _forged(made: Portal, told: Collector) -> None:
    """A client that names a trace is not believed: it could have its lines among another's."""
    theirs = "ab" * 16
    browser = Browser(made, "Demo engineer")
    asked = urllib.request.Request(
        f"{made.url}/machines/", headers={"traceparent": f"00-{theirs}-{'cd' * 8}-01"}
    )
    browser.open(asked).read()
    eventually(lambda: bool(told.named("GET machines")), seconds=10)
    assert theirs not in {span.trace for span in told.spans}


def test_off_means_that_nothing_of_it_is_loaded() -> None:
    """Who collects no traces pays for none. (What Redis's client loads for itself is its own.)"""
    code = (
        "import django, sys; django.setup(); import portal.wsgi, portal.celery\n"
        "ours = ('portal.tracing', 'opentelemetry.exporter', 'opentelemetry.instrumentation')\n"
        "assert not [n for n in sys.modules if n.startswith(ours)]"
    )
    env = {"DJANGO_SETTINGS_MODULE": "portal.settings.testing", "PATH": "/usr/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def span(**changes: Any) -> ReadableSpan:
    made: dict[str, Any] = {"name": "GET", "context": CONTEXT, "attributes": {}}
    return ReadableSpan(**{**made, **changes})


def test_what_is_not_on_the_list_stays() -> None:
    """A library's next release may hang anything on a span."""
    secret = "https://hooks.slack.com/services/T0/B0/abcdefghijklmnop"
    said = said_of(
        span(
            attributes={
                "url.full": secret,
                "http.url": secret,
                "db.statement": "SELECT 'x'",
                "http.route": "visit",
                "http.request.header.cookie": ("a=b",),
            },
            events=[Event("exception", {"exception.message": secret})],
            status=Status(StatusCode.ERROR, secret),
        )
    )
    assert dict(said.attributes or {}) == {"http.route": "visit"}
    assert not said.events
    assert said.status.status_code is StatusCode.ERROR
    assert not said.status.description


def test_what_looks_like_a_secret_is_not_said_even_so() -> None:
    key = "bav_abcdefgh_" + "k" * 40
    said = said_of(span(name=f"GET /visit/{key}", attributes={"http.route": f"/visit/{key}"}))
    assert key not in said.name
    assert key not in str(said.attributes)


@pytest.mark.parametrize(
    ("address", "call"),
    [
        (f"{HOST}/createShareableLinks?api-version=1", "POST bastionHosts/createShareableLinks"),
        (f"{HOST}?api-version=1", "POST bastionHosts"),
        ("/subscriptions/5c0ffee/providers/Microsoft.Security/locations/w/jitNetworkAccessPolicies",
         "POST locations/jitNetworkAccessPolicies"),
        ("/providers/Microsoft.ResourceGraph/resources", "POST resources"),
        ("/subscriptions/5c0ffee/resourceGroups/rg-secret", "POST subscriptions/resourceGroups"),
    ],
)  # fmt: skip
def test_a_call_is_named_without_a_customers_names(address: str, call: str) -> None:
    found = call_of("POST", f"https://management.azure.com{address}")
    assert found == call
    assert not re.search("secret|c0ffee|b-1", found)


@pytest.mark.parametrize(
    ("name", "kind", "kept"),
    [
        ("GET", SpanKind.SERVER, True),
        ("run access.look", SpanKind.CONSUMER, True),
        ("run access.sweep", SpanKind.CONSUMER, False),
        ("SELECT", SpanKind.CLIENT, False),
    ],
)  # fmt: skip
def test_a_trace_begins_with_work(name: str, kind: SpanKind, *, kept: bool) -> None:
    """Sixty looks at the clock each minute would bury what somebody is looking for."""
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    found = WorkOnly(ALWAYS_ON).should_sample(None, 1, name, kind)
    assert found.decision.is_sampled() is kept
