"""The headers that come with every answer of ARM, as far as they were recorded."""

import uuid
from datetime import UTC, datetime

from portal.azure.simulator.answers import Answer
from portal.azure.simulator.calls import Call

ALWAYS = {
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Expires": "-1",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Cache": "CONFIG_NOCACHE",
}
COUNTER = "x-ms-ratelimit-remaining-subscription-"


def with_headers(answer: Answer, call: Call) -> Answer:
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    mine = {
        **ALWAYS,
        # Microsoft.Security has left it empty since 2022.
        "x-ms-request-id": "" if call.is_security else str(uuid.uuid4()),
        "x-ms-correlation-request-id": call.correlation_id,
        "x-ms-routing-request-id": f"SIMULATED:{moment}:{call.correlation_id}",
        **_counter(call),
    }
    if not call.is_security:
        mine["x-ms-arm-service-request-id"] = str(uuid.uuid4())
    return Answer(answer.body, answer.status, mine | answer.headers)


def _counter(call: Call) -> dict[str, str]:
    """A POST that only reads spends writes all the same."""
    if call.method == "DELETE":
        return {f"{COUNTER}deletes": "799"}
    if call.method != "GET":
        return {f"{COUNTER}writes": "1199"}
    return {f"{COUNTER}resource-requests": "749"} if call.is_security else _reads()


def _reads() -> dict[str, str]:
    """Its name has changed over the years; both are given."""
    return {f"{COUNTER}reads": "11999", f"{COUNTER}global-reads": "16499"}
