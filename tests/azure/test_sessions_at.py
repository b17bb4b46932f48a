"""Which doors a list of sessions tells of: those that were shut before it was begun."""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from access.errors import Later
from portal.azure import patience, sessions
from portal.azure.patience import StillAtWork

HOST = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.Network/bastionHosts/hub"
ASKER = "gate 1"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What comes of each question, one after another."""
    answers: list[Any] = []

    def live(_host: str, _key: str) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer, 5.0

    monkeypatch.setattr(sessions, "live_sessions", live)
    monkeypatch.setattr(sessions, "_asked_for", {})
    monkeypatch.setattr(patience, "_under_way", {f"{ASKER} {HOST.lower()}": ("token", 0.0)})
    return answers


def door(number: int) -> Any:
    return SimpleNamespace(key=(number, 22), over_at=None)


def ask(*doors: Any) -> set[Any]:
    return set(sessions.sessions_at(HOST, doors, asker=ASKER))


@pytest.mark.django_db
@pytest.mark.parametrize("met", [StillAtWork("not yet"), Later("no token", sent=False)])
def test_a_list_that_could_not_be_heard_at_once_tells_of_those_it_was_begun_for(
    told: list[Any], met: Exception
) -> None:
    """The other door was still open when Azure was asked: somebody may have come in by it since."""
    told += [met, [], []]
    with suppress(Later):
        assert ask(door(1)) == set()
    assert ask(door(1), door(2)) == {(1, 22)}
    assert ask(door(1), door(2)) == {(1, 22), (2, 22)}


@pytest.mark.django_db
def test_a_list_that_was_never_begun_is_begun_for_all_that_are_shut_by_then(
    told: list[Any],
) -> None:
    told += [Later("no token", sent=False), []]
    patience.forget(f"{ASKER} {HOST.lower()}")
    with pytest.raises(Later):
        ask(door(1))
    assert ask(door(1), door(2)) == {(1, 22), (2, 22)}
