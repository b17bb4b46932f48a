"""How ARM answers: bodies, errors, and the headers that come with each of them."""

import json
from dataclasses import dataclass, field
from typing import Any

from portal.azure.simulator.catalogue import visible

JSON = "application/json; charset=utf-8"
GATEWAY = {"x-ms-failure-cause": "gateway"}


class _Nothing:
    """No body at all; ``None`` is the JSON body ``null``."""


NOTHING = _Nothing()


@dataclass(frozen=True)
class Reply:
    """An answer in the form in which it travels."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    body: Any = NOTHING
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def reply(self) -> Reply:
        text = "" if self.body is NOTHING else json.dumps(visible(self.body))
        return Reply(self.status, {"Content-Type": JSON, **self.headers}, text.encode())


class Refused(Exception):
    """An error that Azure would answer. Which codes are invented is told in docs/azure.md."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = headers or {}

    def answer(self) -> Answer:
        body = {"error": {"code": self.code, "message": self.message}}
        return Answer(body, self.status, dict(self.headers))


def not_found(resource_id: str) -> Refused:
    """As the gateway answers it, before any resource provider is asked."""
    text = f"The resource {resource_id} does not exist."
    return Refused(404, "ResourceNotFound", text, GATEWAY)


def malformed(message: str) -> Refused:
    return Refused(400, "InvalidRequestContent", message)
