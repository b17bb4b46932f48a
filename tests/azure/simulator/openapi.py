"""Microsoft's OpenAPI (Swagger 2.0) documents as JSON Schemas for single operations.

References inside a document are followed; those into other documents, which are not at hand, are
taken as "any object". A few departures of real Azure are let through, by name (``EXCEPTIONS``);
everything else is checked with unknown names refused wherever the document names any.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema

DOCUMENTS = ("network/bastionHost.json", "security/jitNetworkAccessPolicies.json")
# What real Azure answers although its document does not say so [recorded].
EXCEPTIONS = {
    "appendMode": "in every policy since 2022; in no version of the document",
    "Initiating": "status of a fresh request; the document's list has Revoked and Initiated only",
    "startTime": "typed as an object; the document's own example has a text, as the SDK reads it",
    "newer host switches": "enableTunneling and others came after the document of 2021",
}
NEWER_SWITCHES = (
    "enableTunneling",
    "enableShareableLink",
    "enableIpConnect",
    "enableFileCopy",
    "enableSessionRecording",
    "scaleUnits",
)


class Documents:
    def __init__(self, directory: Path) -> None:
        self.documents = [json.loads((directory / name).read_text()) for name in DOCUMENTS]

    def operation(self, method: str, path: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """(template, operation, its document) for a real path; fails if there is none."""
        for document in self.documents:
            for template, methods in document["paths"].items():
                if method.lower() in methods and _fits(template, path):
                    return template, methods[method.lower()], document
        raise AssertionError(f"no document has {method} {path}")

    def check_answer(self, method: str, path: str, status: int, body: Any) -> str:
        """Raises ``ValidationError``; returns what was checked."""
        template, operation, document = self.operation(method, path)
        told = operation["responses"]
        assert str(status) in told or status >= 400, f"{status} is not told of {template}"
        schema = told.get(str(status), {}).get("schema")
        where = f"{method} {_short(template)} answer {status}"
        if schema is None:
            return f"{where}: the document tells no body"
        jsonschema.validate(body, resolved(schema, document, answers=True))
        return where

    def check_request(self, method: str, path: str, body: Any) -> str:
        template, operation, document = self.operation(method, path)
        where = f"{method} {_short(template)} request"
        for parameter in _parameters(operation, document):
            if parameter.get("in") == "body":
                jsonschema.validate(body, resolved(parameter["schema"], document, answers=False))
                return where
        assert body is None, f"{where}: a body was sent, the document has none"
        return f"{where}: no body"


def _parameters(operation: dict[str, Any], document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for parameter in operation.get("parameters", []):
        reference = parameter.get("$ref", "")
        if reference.startswith("#/"):
            yield document["parameters"][reference.rsplit("/", 1)[1]]
        elif not reference:
            yield parameter


def _fits(template: str, path: str) -> bool:
    ours, given = template.lower().split("/"), path.lower().split("/")
    return len(ours) == len(given) and all(
        one.startswith("{") or one == other for one, other in zip(ours, given, strict=True)
    )


def _short(template: str) -> str:
    return template.split("/providers/", 1)[1]


def resolved(schema: dict[str, Any], document: dict[str, Any], *, answers: bool) -> Any:
    """Without references; closed to unknown names where all names are known."""
    if "$ref" in schema:
        reference = schema["$ref"]
        if not reference.startswith("#/"):
            return {"type": "object"} if "Resource" in reference else {}
        return resolved(
            document["definitions"][reference.rsplit("/", 1)[1]], document, answers=answers
        )
    made = dict(schema)
    if "properties" in made:
        made["properties"] = {
            name: resolved(each, document, answers=answers)
            for name, each in made["properties"].items()
        }
        if "allOf" not in made and "additionalProperties" not in made:
            made["additionalProperties"] = False
    if isinstance(made.get("items"), dict):
        made["items"] = resolved(made["items"], document, answers=answers)
    if "allOf" in made:
        made["allOf"] = [_open(resolved(e, document, answers=answers)) for e in made["allOf"]]
    return _excused(made) if answers else made


def _open(schema: Any) -> Any:
    """A part of an ``allOf`` does not know the other parts' names."""
    return {key: value for key, value in schema.items() if key != "additionalProperties"}


def _excused(schema: dict[str, Any]) -> dict[str, Any]:
    """Adds exactly what ``EXCEPTIONS`` names, and only where it was recorded."""
    names = schema.get("properties", {})
    if {"virtualMachines", "requests", "provisioningState"} <= set(names):
        return {**schema, "properties": {**names, "appendMode": {"type": "boolean"}}}
    if {"dnsName", "ipConfigurations"} <= set(names):
        newer = {name: {"type": ["boolean", "integer"]} for name in NEWER_SWITCHES}
        return {**schema, "properties": {**names, **newer}}
    if {"sessionId", "startTime"} <= set(names):
        return {**schema, "properties": {**names, "startTime": {"type": "string"}}}
    if schema.get("enum") == ["Revoked", "Initiated"]:
        return {**schema, "enum": [*schema["enum"], "Initiating"]}
    return schema
