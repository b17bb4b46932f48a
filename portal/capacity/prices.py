"""Prices as whoever runs the portal entered them. It brings none along: they differ by region and
contract, and would be wrong tomorrow.

``BASTION_PRICES`` is JSON: {"currency": "EUR", "Standard": {"hour": 0.25, "unit": 0.12}}. ``hour``
is for the host with its first two scale units, ``unit`` for each further one, both for an hour.
Data is charged apart and is not in it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from portal.azure.checks.skus import FEWEST_UNITS, Sku, sku_named

HOURS = 730  # of a month, on average


@dataclass(frozen=True)
class Prices:
    currency: str
    hour: Mapping[Sku, Decimal]
    unit: Mapping[Sku, Decimal]

    def month(self, sku: str, units: int) -> Decimal | None:
        """``None`` where nobody entered a price for this tier."""
        tier = sku_named(sku)
        if tier is None or tier not in self.hour:
            return None
        further = max(0, units - FEWEST_UNITS)
        return HOURS * (self.hour[tier] + further * self.unit[tier])


def parse(text: str) -> Prices | None:
    """``None`` where nothing was entered. Raises ``ImproperlyConfigured`` for what is no price."""
    if not text.strip():
        return None
    try:
        told = json.loads(text, parse_float=Decimal, parse_int=Decimal)
        currency = str(told.pop("currency"))
        return Prices(currency, _column(told, "hour"), _column(told, "unit"))
    except (AttributeError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise ImproperlyConfigured(f"BASTION_PRICES cannot be read: {error!r}") from error


def _column(told: Mapping[str, Any], name: str) -> dict[Sku, Decimal]:
    return {Sku(sku): _price(prices, name) for sku, prices in told.items()}


def _price(prices: Mapping[str, Any], name: str) -> Decimal:
    price = Decimal(prices.get(name, 0))
    if not price.is_finite() or price < 0 or set(prices) - {"hour", "unit"}:
        raise ValueError(prices)
    return price
