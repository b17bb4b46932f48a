"""One call to ARM: what was asked, by whom, and the words by which its parts are read."""

from dataclasses import dataclass
from typing import Any

from portal.azure.simulator.answers import malformed, not_found
from portal.azure.simulator.catalogue import Resource
from portal.azure.simulator.world import World


@dataclass
class Call:
    word: str  # the operation's word, as faults and the record name it
    method: str
    path: str
    resource_id: str  # what it is about: the path without an action
    base_url: str  # as the caller wrote it: addresses of answers lead back the same way
    query: dict[str, str]
    headers: dict[str, str]  # names in lower case
    body: Resource  # {} when nothing was sent
    remote: str
    correlation_id: str
    principal: str = ""  # empty without a valid token
    because: int = 0  # its number in the record, which its effects will name
    failure: Resource | None = None  # how its operation is to end, if it is to fail

    @property
    def api_version(self) -> str:
        return self.query.get("api-version", "")

    @property
    def is_security(self) -> bool:
        return "/microsoft.security/" in self.path.lower()


def found(world: World, resource_id: str) -> Resource:
    """Raises ``Refused`` as the gateway does."""
    resource = world.catalogue.find(resource_id)
    if resource is None:
        raise not_found(resource_id)
    return resource


def texts(body: Any, name: str) -> list[str]:
    """A list of texts in a body; absent is empty."""
    rows = body.get(name) or [] if isinstance(body, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows):
        raise malformed(f"{name} must be a list of texts.")
    return rows


def objects(body: Any, name: str) -> list[Resource]:
    """A list of objects in a body; absent is empty."""
    rows = body.get(name) or [] if isinstance(body, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise malformed(f"{name} must be a list of objects.")
    return rows


def id_in(row: Any) -> str:
    """The ``id`` of an object that refers to a resource."""
    if not isinstance(row, dict) or not isinstance(row.get("id"), str):
        raise malformed("A reference has an id.")
    return str(row["id"])
