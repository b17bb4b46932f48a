"""One span for each statement, by its verb and table: neither its values nor its text leave."""

import re
from collections.abc import Callable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from opentelemetry import trace
from opentelemetry.trace import SpanKind

tracer = trace.get_tracer("portal")
# The first table after the word that goes before one; names in quotes are as Django writes them.
TABLE = re.compile(r'\b(?:FROM|INTO|UPDATE)\s+"?(\w{1,63})"?', re.IGNORECASE)
VERB = re.compile(r"\s*(\w{1,20})")
FAR = 4000  # characters of a statement that are looked at


def watch(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Every connection, and each once."""
    if told not in connection.execute_wrappers:
        connection.execute_wrappers.append(told)


def told(
    execute: Callable[..., Any],
    sql: str,
    params: Any,
    many: bool,  # noqa: FBT001 - as Django calls it
    context: dict[str, Any],
) -> Any:
    if not trace.get_current_span().is_recording():
        return execute(sql, params, many, context)
    verb, table = _named(str(sql))
    known = {"db.system": context["connection"].vendor, "db.operation": verb}
    with tracer.start_as_current_span(
        f"{verb} {table}".strip(), None, SpanKind.CLIENT, known, record_exception=False
    ):
        return execute(sql, params, many, context)


def _named(sql: str) -> tuple[str, str]:
    verb, table = VERB.match(sql), TABLE.search(sql, 0, FAR)
    return (verb[1].upper() if verb else "?"), (table[1] if table else "")
