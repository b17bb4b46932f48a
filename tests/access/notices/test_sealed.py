"""What is kept of other services cannot be read from the database alone, and outlives its key."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from access.sealed import Unreadable, seal, unseal
from tests.access.notices.moves import endpoint

pytestmark = pytest.mark.django_db


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert seal("secret") != seal("secret")
    assert "secret" not in seal("secret")
    assert unseal(seal("secret")) == "secret"


def test_a_key_is_rotated_without_losing_what_it_sealed(settings: Any) -> None:
    old, new = settings.FIELD_KEYS[0], Fernet.generate_key().decode()
    known = endpoint("SIEM", "https://siem.example.test/x", "webhook")
    settings.FIELD_KEYS = [new, old]
    call_command("reseal", verbosity=0)
    settings.FIELD_KEYS = [new]
    known.refresh_from_db()
    assert unseal(known.address) == "https://siem.example.test/x"
    assert unseal(known.secret) == "the secret"


def test_a_key_that_was_thrown_away_too_early_is_said_and_nothing_is_changed(settings: Any) -> None:
    known = endpoint("SIEM", "https://siem.example.test/x")
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match="FIELD_KEYS no longer holds"):
        call_command("reseal", verbosity=0)
    with pytest.raises(Unreadable):
        unseal(known.address)
