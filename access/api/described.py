"""What every operation of the API can answer beside what it is for, written into its description.

In one place, because it follows from what the operation takes: nobody has to think of it when one
is added.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from drf_spectacular.openapi import AutoSchema

from access.api.problems import CONTENT_TYPE
from access.api.scopes import scope_of

SESSION = "cookieAuth"  # drf-spectacular's name for Django's sessions
METHODS = ("get", "post", "put", "patch", "delete")
KEY_HEADER = "Idempotency-Key"
WORDS = {
    "400": "Something of what was sent is not acceptable; `errors` says what, by field.",
    "401": "Nobody is signed in by what was sent.",
    "403": "Not for this person, or not with this token. `session-needed`: no token may; "
    "`scope-needed`: this one may not.",
    "404": "There is no such thing, or not for this person.",
    "406": "It cannot be given in the form that was asked for.",
    "409": "The thing has moved on since it was read.",
    "415": "JSON is taken, and nothing else.",
    "422": "The idempotency key was used before with something else.",
    "429": "Too many calls. `Retry-After` says when to come back.",
    "503": "It cannot be asked now whether the caller's roles still hold, and this opens access.",
}
HEADERS = {
    "RateLimit-Limit": ("integer", "Calls in a window, of the bucket with least left."),
    "RateLimit-Remaining": ("integer", "Calls that are left in it."),
    "RateLimit-Reset": ("integer", "Seconds until the oldest call in it is forgotten."),
    "RateLimit-Policy": ("string", "The same as one text, such as `600;w=60`."),
}
PROBLEM = {
    "type": "object",
    "description": "RFC 9457.",
    "properties": {
        "type": {"type": "string", "description": "`urn:bastion-access:` and a word for programs."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "Fit to show to a person."},
        "errors": {"type": "object", "additionalProperties": {}},
    },
    "required": ["type", "status", "detail"],
}


class Described(AutoSchema):
    """Says of each operation which scope it takes, or that no token may call it."""

    def get_auth(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = super().get_auth()
        if not found or scope_of(self.view, self.method):
            return found
        return [each for each in found if SESSION in each]

    def get_description(self) -> str:  # type: ignore[override] # as drf-spectacular has it
        text: str = super().get_description()
        if not self.get_auth():
            return text
        scope = scope_of(self.view, self.method)
        takes = f"Scope: `{scope}`." if scope else "In a browser session only."
        return f"{text}\n\n{takes}".strip()


def with_problems(
    result: dict[str, Any], generator: Any, request: Any, public: Any
) -> dict[str, Any]:
    """A postprocessing hook of drf-spectacular."""
    del generator, request, public
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    components["headers"] = {
        name: {"description": text, "schema": {"type": kind}}
        for name, (kind, text) in HEADERS.items()
    }
    components["responses"] = {f"Problem{code}": _answer(text) for code, text in WORDS.items()}
    for path, methods in result["paths"].items():
        for method in METHODS:
            if method in methods:
                _complete(methods[method], method, path)
    return result


def _complete(operation: dict[str, Any], method: str, path: str) -> None:
    answers = operation["responses"]
    for answer in answers.values():
        answer["headers"] = _headers()
    for code in _codes(operation, method, path):
        answers.setdefault(code, {"$ref": f"#/components/responses/Problem{code}"})


def _codes(operation: Mapping[str, Any], method: str, path: str) -> Iterator[str]:
    parameters = operation.get("parameters", [])
    places = {parameter["in"] for parameter in parameters}
    names = {parameter["name"] for parameter in parameters}
    secured = bool(operation.get("security"))
    if "requestBody" in operation or "query" in places or KEY_HEADER in names:
        yield "400"
    if secured:
        yield from ("401", "403", "404")
    yield "406"
    if method != "get":
        yield "409"
    if "requestBody" in operation:
        yield "415"
    if KEY_HEADER in names:
        yield "422"
    yield "429"
    if method == "post" and "/requests/" in path:
        yield "503"


def _answer(text: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": text,
        "headers": _headers(),
        "content": {CONTENT_TYPE: {"schema": schema}},
    }


def _headers() -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS}
