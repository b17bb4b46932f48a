"""Fixtures of the stories about machines outside Azure, and the browser of the pages' tests."""

from tests.access.views.conftest import browser
from tests.support.behind_gateway import hub
from tests.support.outside import cloud, story

__all__ = ["browser", "cloud", "hub", "story"]
