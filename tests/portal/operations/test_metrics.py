"""What Prometheus is told: true figures, to who shows the token, and nobody's name."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from access import measures
from access.clock import db_now
from access.models import Grant, Heartbeat, LatenessTally, Notice
from access.models.measures import ENDLESS
from portal.budget.rates import rate_of
from portal.budget.stores import Key, memory
from portal.models import Budget
from tests.portal.test_settings import ROOT, booted
from tests.support.cast import Cast, approve, ask, be_seen
from tests.support.estate import machine

pytestmark = pytest.mark.django_db
TOKEN = "m" * 40
PAGE = Path(ROOT) / "docs" / "metrics.md"


@pytest.fixture(autouse=True)
def _token(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN


def scraped(**headers: str) -> Any:
    return Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}", **headers})


def figures() -> dict[tuple[str, ...], float]:
    """By name and the values of its labels, in the order of the labels' names."""
    text = scraped().content.decode()
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def late(grant: Grant, **ago: float) -> None:
    due = db_now() - timedelta(**ago)
    Grant.objects.filter(pk=grant.pk).update(
        state="closing", due_at=due, close_reason="Over.", tries=3, problem="500"
    )


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer wrong", f"bearer {TOKEN}", f"Basic {TOKEN}",
                                  f"Bearer {TOKEN}x", "Bearer \u00e9"])  # fmt: skip
def test_who_shows_no_token_is_told_nothing(sent: str) -> None:
    answer = Client().get("/metrics", headers={"Authorization": sent})
    assert answer.status_code == 401
    assert b"bastion" not in answer.content


def test_without_a_token_of_its_own_there_are_no_metrics(settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert scraped().status_code == 404
    assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_vendors_have_no_such_address(settings: Any) -> None:
    settings.VENDOR_URL = "https://visit.example.test"
    settings.ALLOWED_HOSTS = ["*"]
    there = Client(headers={"host": "visit.example.test", "Authorization": f"Bearer {TOKEN}"})
    assert there.get("/metrics").status_code == 404


def test_production_refuses_a_token_that_can_be_guessed() -> None:
    refused = booted(METRICS_TOKEN="short-and-known")
    assert refused.returncode != 0
    assert "METRICS_TOKEN" in refused.stderr


def test_what_is_owed_and_overdue_is_told_by_kind(cast: Cast) -> None:
    be_seen()
    first = approve(ask(machine("a"), by=cast.alice), by=cast.bob).grants.get()
    second = approve(ask(machine("b"), by=cast.alice), by=cast.bob).grants.get()
    late(first, seconds=300)
    late(second, seconds=5)
    Heartbeat.objects.update_or_create(name="looker", defaults={"at": db_now()})
    told = figures()
    assert told["bastion_access_backlog", "window"] == 2
    assert told["bastion_access_overdue", "window"] == 1
    assert told["bastion_access_needs_human", "window"] == 2
    assert 299 < told["bastion_access_oldest_overdue_seconds", "window"] < 330
    assert told["bastion_access_overdue", "link"] == 0, "a kind without trouble has a series, too"
    assert told[("bastion_access_closer_seen",)] == 1


def test_a_closer_that_is_silent_is_told_and_how_long_it_is() -> None:
    at = db_now() - timedelta(minutes=3)
    Heartbeat.objects.update_or_create(name="closer", defaults={"at": at})
    told = figures()
    assert told[("bastion_access_closer_seen",)] == 0
    assert 179 < told["bastion_access_heartbeat_age_seconds", "closer"] < 200


def test_lateness_is_a_histogram_that_only_grows() -> None:
    with transaction.atomic():
        measures.closed([("link", 400), ("link", 1000), ("link", 1001), ("window", 10**9)])
    with transaction.atomic():
        measures.closed([("link", 61_000), ("link", -5)])
    told, name = figures(), "bastion_access_close_lateness_seconds"
    assert told[f"{name}_bucket", "link", "1.0"] == 3
    assert told[f"{name}_bucket", "link", "2.0"] == 4
    assert told[f"{name}_bucket", "link", "60.0"] == 4
    assert told[f"{name}_bucket", "link", "120.0"] == 5
    assert told[f"{name}_count", "link"] == told[f"{name}_bucket", "link", "+Inf"] == 5
    assert told[f"{name}_sum", "link"] == pytest.approx(63.401)
    assert told[f"{name}_bucket", "window", "900.0"] == 0
    assert told[f"{name}_count", "window"] == 1
    assert LatenessTally.objects.filter(bound_ms=ENDLESS).get().total_ms == 10**9


def test_one_statement_for_each_row_that_is_touched(django_assert_num_queries: Any) -> None:
    """Settling five hundred closes may not pay for each of them."""
    with transaction.atomic(), django_assert_num_queries(2):
        measures.closed([("link", 300)] * 400 + [("link", 1500)] * 100)


def test_a_scrape_costs_few_queries_however_much_there_is(
    cast: Cast, django_assert_max_num_queries: Any
) -> None:
    for name in "abc":
        late(approve(ask(machine(name), by=cast.alice), by=cast.bob).grants.get(), seconds=90)
    with django_assert_max_num_queries(5):
        assert scraped().status_code == 200


def test_nobody_and_no_machine_is_named(cast: Cast) -> None:
    late(approve(ask(machine("vm-secret"), by=cast.alice), by=cast.bob).grants.get(), seconds=90)
    text = scraped().content.decode()
    for name in ("alice", "vm-secret", "BA-0", "example.test"):
        assert name.casefold() not in text.casefold()


def test_what_is_not_sent_ages(cast: Cast) -> None:
    approve(ask(machine(), by=cast.alice), by=cast.bob)
    Notice.objects.update(created_at=db_now() - timedelta(minutes=20))
    told = figures()
    assert told[("bastion_access_outbox_waiting",)] >= 1
    assert told[("bastion_access_outbox_age_seconds",)] >= 1200


def shut_for_a_while(key: Key) -> None:
    """Where the door would have written it."""
    if connection.vendor == "postgresql":
        now = db_now()
        Budget.objects.create(
            subscription=key.subscription, principal=key.principal, calls=key.calls, tokens=0.5,
            at=now, shut_until=now + timedelta(seconds=40),
        )  # fmt: skip
        return
    memory.change(
        key, rate_of(key.calls), lambda state, now: (replace(state, shut_until=now + 40), None)
    )


def test_a_budget_that_azure_shut_is_told() -> None:
    shut_for_a_while(Key("sub-1", "", "deletes"))
    told, labels = figures(), ("deletes", "default", "sub-1")
    full = told["bastion_access_azure_bucket", *labels]
    assert 0 < told["bastion_access_azure_tokens", *labels] <= full
    assert 30 < told["bastion_access_azure_shut_seconds", *labels] <= 40


def test_a_database_that_is_away_fails_the_scrape(monkeypatch: pytest.MonkeyPatch) -> None:
    """A figure that looks well while nothing is known would be worse than none."""
    from django.db import OperationalError

    from portal.operations import state

    def away() -> None:
        raise OperationalError("could not connect to host secret-host")

    monkeypatch.setattr(state, "read", away)
    answer = scraped()
    assert answer.status_code == 503
    assert b"secret-host" not in answer.content


def told_names() -> dict[str, str]:
    """Each figure's name as the page writes it, and its kind."""
    text = scraped().content.decode()
    names = {}
    for family in text_string_to_metric_families(text):
        suffix = "_info" if family.type == "info" and not family.name.endswith("_info") else ""
        names[f"{family.name}{suffix}"] = family.type
    return names


def test_the_page_lists_each_figure_and_no_other() -> None:
    written = set(re.findall(r"^\| `(bastion_access_\w+)`", PAGE.read_text(), re.MULTILINE))
    assert written == set(told_names())
    helps = re.findall(r"^# HELP (\S+) ?(.*)$", scraped().content.decode(), re.MULTILINE)
    assert all(told for _, told in helps)
