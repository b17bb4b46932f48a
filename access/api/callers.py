"""Who calls, and the key that makes a call safe to repeat."""

import uuid

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from access.models import Person

KEY_HEADER = "Idempotency-Key"
KEY = OpenApiParameter(KEY_HEADER, OpenApiTypes.UUID, OpenApiParameter.HEADER)


def person(request: Request) -> Person:
    """The signed-in person; the permission classes let nobody else through."""
    if not isinstance(request.user, Person):
        raise Http404
    return request.user


def key_of(request: Request) -> uuid.UUID:
    """The caller's key; without one each call is a new one."""
    raw = request.headers.get(KEY_HEADER)
    if raw is None:
        return uuid.uuid4()
    try:
        return uuid.UUID(raw)
    except ValueError as error:
        raise ValidationError({KEY_HEADER: ["It must be a UUID."]}) from error
