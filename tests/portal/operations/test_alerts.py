"""Alert rules, dashboard and runbook: they speak of what there is, and of each other."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import transaction
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from access import ledger
from access.clock import db_now
from access.models import Grant, Heartbeat, LedgerHead, Notice, Restoration, SyncRun
from portal.budget.stores import Key
from portal.models import DirectoryReading
from tests.portal.operations.test_metrics import shut_for_a_while
from tests.portal.test_settings import ROOT
from tests.support.cast import Cast, approve, ask, be_seen
from tests.support.estate import machine

RULES = Path(ROOT) / "ops" / "prometheus" / "alerts.yml"
DASHBOARD = Path(ROOT) / "ops" / "grafana" / "bastion-access.json"
RUNBOOK = Path(ROOT) / "docs" / "runbook"
NAME = re.compile(r"\bbastion_access_\w+")
# What has one value at one moment: an aggregation or none, labels or none, a comparison.
SIMPLE = re.compile(
    r"(?:(?P<how>sum|max|min)\()?(?P<name>bastion_access_\w+)(?:\{(?P<label>\w+)=\"(?P<value>[^\"]+)\"\})?\)?"
    r" (?P<op>==|>|<) (?P<limit>\d+)"
)
OPS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
ELSEWHERE = {"PortalDown", "MetricsMissing", "ClosingLate", "LedgerShrank"}  # of time, or no figure
HEADS = ["What it means", "What people see", "What to check", "What to do",
         "How to know that it is over"]  # fmt: skip
TOKEN = "m" * 40


@cache
def rules() -> dict[str, dict[str, Any]]:
    read = yaml.safe_load(RULES.read_text())
    return {rule["alert"]: rule for group in read["groups"] for rule in group["rules"]}


def samples() -> list[Any]:
    answer = Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    families = text_string_to_metric_families(answer.content.decode())
    return [sample for family in families for sample in family.samples]


def fires(rule: dict[str, Any]) -> bool:
    """Whether it would, if things stay as they are."""
    found = SIMPLE.fullmatch(rule["expr"])
    assert found, rule["expr"]
    values = [
        each.value
        for each in samples()
        if each.name == found["name"]
        and (not found["label"] or each.labels.get(found["label"]) == found["value"])
    ]
    if not values:
        return False
    how: Any = {"sum": sum, "max": max, "min": min}.get(found["how"] or "", max)
    return OPS[found["op"]](how(values), float(found["limit"]))


@pytest.fixture
def _token(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN


@pytest.mark.django_db
@pytest.mark.usefixtures("_token")
def test_only_figures_that_exist_are_asked_for(cast: Cast) -> None:
    """A rule about a figure that nobody tells never fires, and nobody notices."""
    everything_is_wrong(cast)
    known = {sample.name for sample in samples()}
    told = "\n".join(rule["expr"] for rule in rules().values())
    board = json.loads(DASHBOARD.read_text())
    told += "\n".join(t["expr"] for panel in board["panels"] for t in panel["targets"])
    assert set(NAME.findall(told)) <= known


def test_each_alert_has_its_page_and_each_page_its_alert() -> None:
    pages = {page.stem for page in RUNBOOK.glob("*.md")}
    linked = {name: Path(rule["annotations"]["runbook_url"]).stem for name, rule in rules().items()}
    assert {kebab(name): name for name in rules()} == {page: name for name, page in linked.items()}
    assert set(linked.values()) == pages
    index = (RUNBOOK.parent / "operations.md").read_text()
    assert set(re.findall(r"\| \[(\w+)\]\(runbook/", index)) == set(rules())
    for name, page in re.findall(r"\| \[(\w+)\]\(runbook/([\w-]+)\.md\)", index):
        assert kebab(name) == page


@pytest.mark.parametrize("page", sorted(RUNBOOK.glob("*.md")), ids=lambda page: page.stem)
def test_a_page_says_all_that_somebody_woken_at_night_needs(page: Path) -> None:
    text = page.read_text()
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADS
    assert text.startswith("# ")
    for link in re.findall(r"\]\((?!http)([\w./-]+\.md)\)", text):
        assert (page.parent / link).exists(), link


def test_the_commands_name_parts_that_there_are() -> None:
    services = set(yaml.safe_load((Path(ROOT) / "docker-compose.yml").read_text())["services"])
    services |= {"closer"}  # the second closer's
    commands = {path.stem for path in Path(ROOT).glob("*/management/commands/*.py")}
    for page in RUNBOOK.glob("*.md"):
        text = page.read_text()
        for part in re.findall(r"docker compose exec (\w+)", text):
            assert part in services, (page.stem, part)
        for command in re.findall(r"manage\.py (\w+)", text):
            assert command in commands | {"shell", "closer"}, (page.stem, command)


@pytest.mark.django_db
@pytest.mark.usefixtures("_token")
def test_nothing_fires_while_all_is_well(cast: Cast) -> None:
    """An alert that is always there is none."""
    all_is_well()
    approve(ask(machine(), by=cast.alice), by=cast.bob)
    assert [name for name in sorted(set(rules()) - ELSEWHERE) if fires(rules()[name])] == []


@pytest.mark.django_db
@pytest.mark.usefixtures("_token")
def test_each_fires_when_it_is_meant(cast: Cast) -> None:
    everything_is_wrong(cast)
    silent = [name for name in sorted(set(rules()) - ELSEWHERE) if not fires(rules()[name])]
    assert silent == ["BacklogLong"]  # which takes more than a test should write


@pytest.mark.django_db
@pytest.mark.usefixtures("_token")
def test_a_database_that_lost_lines_is_seen_by_the_figure_alone() -> None:
    with transaction.atomic():
        line = ledger.record("test.line", by="worker")
    before = head()
    LedgerHead.objects.update(seq=line.seq - 1)
    assert head() < before


def test_who_is_woken_is_told_within_two_minutes_of_what_is_overdue() -> None:
    """R-10: the figure itself waits 60 s, and a scrape comes every quarter of a minute."""
    assert rules()["AccessOverdue"]["for"] == "1m"


def head() -> float:
    return float(next(s.value for s in samples() if s.name == "bastion_access_ledger_head"))


def kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def seen(**ago: float) -> None:
    at = db_now() - timedelta(**ago)
    for name in ("closer", "looker", "second-closer", "notifier", "checkpoint"):
        Heartbeat.objects.update_or_create(name=name, defaults={"at": at})


def read(**ago: float) -> None:
    at = db_now() - timedelta(**ago)
    SyncRun.objects.create(started_at=at, finished_at=at, complete=True)
    DirectoryReading.objects.update_or_create(pk=1, defaults={"started_at": at, "finished_at": at})


def all_is_well() -> None:
    be_seen()
    seen(seconds=2)
    read(minutes=3)


def everything_is_wrong(cast: Cast) -> None:
    grant = approve(ask(machine(), by=cast.alice), by=cast.bob).grants.get()
    now = db_now()
    Grant.objects.filter(pk=grant.pk).update(
        state="closing",
        due_at=now - timedelta(hours=1),
        close_reason="Over.",
        tries=9,
        problem="Azure answered with an error (500).",
    )
    Notice.objects.update(created_at=now - timedelta(hours=1))
    seen(hours=1)
    read(hours=3)
    shut_for_a_while(Key("sub-1", "", "deletes"))
    Restoration.objects.create(
        found_at=now, kept_seq=9, kept_hash="0" * 64, kept_at=now, head_seq=1
    )
