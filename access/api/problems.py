"""Errors as ``application/problem+json`` (RFC 9457), mapped from the core's words in one place."""

from typing import Any

from django.http import Http404
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import exception_handler

from access.errors import Invalid, KeyReused, NotAllowed, WrongState
from access.services.devices import DeviceNotYet

CONTENT_TYPE = "application/problem+json"


def problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """``None`` leaves the error to Django: a fault of ours is a 500, never an answer."""
    asked: Any = context["request"]  # for whatever was asked in: a problem is JSON
    asked.accepted_renderer, asked.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
    if isinstance(error, Invalid):
        fields = {field: [text] for field, text in error.fields.items()}
        return _answer(status.HTTP_400_BAD_REQUEST, "invalid", str(error), errors=fields)
    if isinstance(error, NotAllowed):
        return _answer(status.HTTP_403_FORBIDDEN, "not-allowed", str(error))
    if isinstance(error, KeyReused):
        return _answer(status.HTTP_422_UNPROCESSABLE_ENTITY, "key-reused", str(error))
    if isinstance(error, WrongState):
        return _answer(status.HTTP_409_CONFLICT, "wrong-state", str(error))
    if isinstance(error, DeviceNotYet):
        return _answer(status.HTTP_400_BAD_REQUEST, error.code, str(error))
    return _from_framework(error, context)


def _from_framework(error: Exception, context: dict[str, Any]) -> Response | None:
    answer = exception_handler(error, context)
    if answer is None:
        return None
    if isinstance(error, ValidationError):
        text = "Some fields are not acceptable."
        made = _answer(answer.status_code, "invalid", text, errors=answer.data)
    elif isinstance(error, Http404):
        made = _answer(answer.status_code, "not-found", "There is no such thing, or not for you.")
    else:
        code = error.default_code if isinstance(error, APIException) else "refused"
        made = _answer(answer.status_code, code.replace("_", "-"), str(error))
    for name in ("WWW-Authenticate", "Retry-After", "Allow"):
        if name in answer.headers:
            made.headers[name] = answer.headers[name]
    return made


def _answer(code: int, kind: str, detail: str, *, errors: Any = None) -> Response:
    body = {"type": f"urn:bastion-access:{kind}", "status": code, "detail": detail}
    if errors is not None:
        body["errors"] = errors
    return Response(body, status=code, content_type=CONTENT_TYPE)
