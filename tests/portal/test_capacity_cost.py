"""Capacity and cost: prices that people enter, and tables that they take away."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from access.ledger import verify
from access.models import BastionHost, LedgerEntry
from access.tables import harmless
from portal.capacity.prices import parse
from tests.portal.test_capacity import hub, numbers, page
from tests.support import estate
from tests.support.browsers import Browser
from tests.support.cast import Cast

__all__ = ["hub"]
pytestmark = pytest.mark.django_db


class TestPrices:
    def test_none_are_invented(self, cast: Cast, browser: Browser, hub: BastionHost):
        text = page(browser(cast.erin))
        assert "Prices are yours to enter" in text
        assert numbers(browser(cast.erin))["bastion-hub-weu"]["month"] is None

    def test_hours_times_price(self, cast: Cast, browser: Browser, hub: BastionHost, settings: Any):
        entered = '{"currency": "EUR", "Standard": {"hour": 0.25, "unit": 0.1}}'
        settings.BASTION_PRICES = parse(entered)
        BastionHost.objects.update(scale_units=4)
        estate.host("bastion-basic", sku="Basic")
        text = page(browser(cast.erin))
        assert "328.50 EUR" in text  # 730 * (0.25 + 2 * 0.1)
        assert "No price entered" in text

    def test_two_units_come_with_the_host(self):
        prices = parse(
            '{"currency": "EUR", "Basic": {"hour": 1}, "Premium": {"hour": 2, "unit": 1}}'
        )
        assert prices is not None
        assert prices.month("Basic", 2) == 730
        assert prices.month("premium", 3) == Decimal(730 * 3)
        assert prices.month("Standard", 2) is None

    @pytest.mark.parametrize(
        "entered",
        ["[]", "{", '{"Basic": {"hour": 1}}', '{"currency": "EUR", "Gold": {"hour": 1}}',
         '{"currency": "EUR", "Basic": {"hour": -1}}', '{"currency": "EUR", "Basic": {"hours": 1}}',
         '{"currency": "EUR", "Basic": 1}', '{"currency": "EUR", "Basic": {"hour": "x"}}'],
    )  # fmt: skip
    def test_what_is_no_price_is_refused_at_the_start(self, entered: str):
        with pytest.raises(ImproperlyConfigured, match="BASTION_PRICES"):
            parse(entered)
        assert parse("") is None


class TestExport:
    def test_it_is_taken_away_with_a_line_in_the_ledger(
        self, cast: Cast, browser: Browser, hub: BastionHost
    ):
        answer = browser(cast.erin).post("/capacity/hosts.csv", {"period": "24h"})
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        (row,) = csv.DictReader(io.StringIO(answer.content.decode()))
        assert (row["host"], row["units_needed"], row["verdict"]) == (
            "bastion-hub-weu",
            "0",
            "Fits",
        )
        entry = LedgerEntry.objects.get(event="capacity.exported")
        assert (entry.actor_name, entry.data["table"], entry.data["rows"]) == ("Erin", "hosts", 1)
        assert verify()[1] is None

    def test_nobody_else_takes_it(self, cast: Cast, browser: Browser, hub: BastionHost):
        for path in ("/capacity/hosts.csv", "/capacity/retiring.csv"):
            assert browser(cast.alice).post(path).status_code == 404
            assert browser(cast.erin).get(path).status_code == 405
        assert not LedgerEntry.objects.filter(event="capacity.exported").exists()

    def test_a_name_is_never_a_formula(self, cast: Cast, browser: Browser, hub: BastionHost):
        BastionHost.objects.update(name="=HYPERLINK(1)", region='@x"y')
        text = browser(cast.erin).post("/capacity/hosts.csv").content.decode()
        assert '"\'=HYPERLINK(1)"' in text
        assert '"\'@x""y"' in text
        assert [harmless(each) for each in ("+1", "-1", "\t1", "\r1", "1")] == [
            "'+1", "'-1", "'\t1", "'\r1", "1",
        ]  # fmt: skip
        for first in "\n\0＝＋－＠":  # noqa: RUF001 - the wide forms are meant
            assert harmless(f"{first}1") == f"'{first}1"
