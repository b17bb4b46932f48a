"""Calling the API as a person in a browser session, or as a program with a token."""

from __future__ import annotations

from typing import Any

from django.test import Client

from access.models import ApiToken, Person
from access.services import tokens
from tests.support.browsers import signed_in


class Caller:
    """``get`` and ``post`` under ``/api/v1/``; each answer is Django's."""

    def __init__(self, client: Client, **headers: str) -> None:
        self.client, self.headers = client, headers

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/v1/{path}", query, headers=self.headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.client.post(
            f"/api/v1/{path}",
            {} if body is None else body,
            content_type="application/json",
            headers={**self.headers, **headers},
        )

    def delete(self, path: str) -> Any:
        return self.client.delete(f"/api/v1/{path}", headers=self.headers)


def in_session(person: Person) -> Caller:
    return Caller(signed_in(person))


def with_secret(secret: str) -> Caller:
    return Caller(Client(), Authorization=f"Bearer {secret}")


def token_of(person: Person, *scopes: str, days: int = 30) -> tuple[Caller, ApiToken]:
    wish = tokens.TokenWish("laptop", scopes or ("read", "request"), days)
    made = tokens.make(wish, by=person)
    return with_secret(made.secret), made.token


def nobody() -> Caller:
    return Caller(Client())
