"""Signed-in clients, one for each person of a story."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.test import Client

if TYPE_CHECKING:
    from access.models import Person

Browser = Callable[["Person"], Client]


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person, backend="portal.signin.backend.VouchedFor")
    return client
