"""A few words: beside a request, or as the reason of an order."""

from typing import Any

from django import forms
from django.http import QueryDict

from access.forms.plain import PlainForm
from access.services.comments import COMMENT_LIMIT
from access.services.submit import REASON_LIMIT


class SayForm(PlainForm):
    """A comment, a question or an answer: the button says which. ``revision`` is the one of the
    request that was shown."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    revision = forms.IntegerField(min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)
    text = forms.CharField(
        max_length=COMMENT_LIMIT, error_messages={"required": "Write something first."}
    )

    def __init__(self, data: QueryDict | None = None, **more: Any) -> None:
        """A browser sends two characters for a line break and counts one."""
        if data is not None:
            data = data.copy()
            data["text"] = str(data.get("text", "")).replace("\r\n", "\n")
        super().__init__(data, **more)


class EndForm(PlainForm):
    """Whether a reason is needed depends on whose access it is, which the service judges."""

    reason = forms.CharField(required=False, max_length=REASON_LIMIT)


class DisconnectForm(PlainForm):
    reason = forms.CharField(
        max_length=REASON_LIMIT,
        error_messages={"required": "Say why. Whoever is disconnected will want to know."},
    )


class ReconcileForm(PlainForm):
    note = forms.CharField(
        max_length=REASON_LIMIT,
        error_messages={"required": "Say what happened, and what you compared."},
    )


class RemoveForm(PlainForm):
    reason = forms.CharField(
        max_length=REASON_LIMIT,
        error_messages={
            "required": "Say why. Whoever opened it may ask, and so will the auditors."
        },
    )
