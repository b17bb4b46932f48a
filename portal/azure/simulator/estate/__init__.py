"""Estates to start with, each with the deny rules that its JIT policies write."""

from portal.azure.simulator.catalogue import Estate
from portal.azure.simulator.estate.demo import demo
from portal.azure.simulator.estate.small import empty, small

NAMES = {"demo": demo, "small": small, "empty": empty}


def named(name: str) -> Estate:
    """Raises ``KeyError``."""
    return NAMES[name]()


__all__ = ["NAMES", "demo", "empty", "named", "small"]
