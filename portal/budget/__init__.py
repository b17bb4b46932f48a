"""How many calls Azure still takes, by subscription, principal and kind of call: what the door to
Azure spends from, and what pages and metrics show of it. Nothing here calls Azure.

A database that is away never stops a call: each process then goes on by itself.
"""

from portal.budget.forecast import Forecast, forecast
from portal.budget.left import Left, left
from portal.budget.stores import without_database

__all__ = ["Forecast", "Left", "forecast", "left", "without_database"]
