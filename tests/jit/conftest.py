"""Fixtures of the stories about machines outside Azure."""

from tests.support.behind_gateway import hub
from tests.support.outside import cloud, story

__all__ = ["cloud", "hub", "story"]
