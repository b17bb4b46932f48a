"""A check as an answer, for pages that offer what may be done."""

from typing import Any

from access.errors import NotAllowed
from access.models import (
    Person,
)


def passes(check: Any, thing: object, person: Person) -> bool:
    """Whether a check lets the person through."""
    try:
        check(thing, person)
    except NotAllowed:
        return False
    return True
