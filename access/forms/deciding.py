"""What people type about a request that is there: deciding it, changing it, more time for it."""

from typing import Any

from django import forms
from django.http import QueryDict

from access.forms.asking import CUSTOM, LONGEST_TYPED, PRESETS, TermsForm
from access.forms.plain import PlainForm
from access.models import AccessRequest
from access.presenters.moments import duration
from access.services import Words
from access.services.submission import REASON_LIMIT

MOST_REVISIONS = 2**31 - 1
SHORT = 15  # minutes: what an approver may offer, and hardly anybody asks for


class DecideForm(PlainForm):
    """``terms_digest`` and ``revision`` are what the decider was shown. ``minutes`` is a
    length, or is empty for what was asked; nothing in an address ever fills it. ``seen``: the
    revision that the person had before them."""

    terms_digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
    revision = forms.IntegerField(
        required=False, min_value=1, max_value=MOST_REVISIONS, widget=forms.HiddenInput
    )
    comment = forms.CharField(required=False, max_length=REASON_LIMIT)
    minutes = forms.CharField(required=False, max_length=7)
    custom_minutes = forms.IntegerField(required=False, min_value=1, max_value=LONGEST_TYPED)

    def __init__(
        self, access_request: AccessRequest, data: QueryDict | None = None, **initial: Any
    ) -> None:
        shown = {
            "terms_digest": access_request.terms_digest,
            "revision": access_request.revision,
            **initial,
        }
        super().__init__(data, initial=shown)
        self.seen = access_request.revision
        self.most = access_request.approved_minutes or access_request.duration_minutes

    @property
    def lengths(self) -> list[tuple[str, str]]:
        """What is offered. Whether another one may be agreed to is the service's to say."""
        shorter = [(str(m), duration(m)) for m in (SHORT, *PRESETS) if m < self.most]
        return [("", "As asked"), *shorter, (CUSTOM, "Another length")]

    def clean(self) -> dict[str, Any]:
        sent = self.cleaned_data
        sent["agreed"] = self._agreed(sent)
        return sent

    def as_shown(self, access_request: AccessRequest) -> "DecideForm":
        """The same words in a form for what the request is now: nothing is sent again by itself."""
        names = ("comment", "minutes", "custom_minutes")
        new = DecideForm(access_request, **{name: self.data.get(name, "") for name in names})
        self.is_valid()
        new.seen = self.cleaned_data.get("revision") or new.seen
        return new

    def _agreed(self, sent: dict[str, Any]) -> int | None:
        """``None``: all that was asked for."""
        chosen = sent.get("minutes") or ""
        if chosen.isascii() and chosen.isdecimal():
            return int(chosen)
        if chosen != CUSTOM:
            if chosen:
                self.add_error("minutes", "Choose a length from the list.")
            return None
        typed: int | None = sent.get("custom_minutes")
        if typed is None and "custom_minutes" not in self.errors:
            self.add_error("custom_minutes", "Type how many minutes you agree to.")
        return typed


class ChangeForm(TermsForm):
    """``revision`` is the one that the person had before them."""

    revision = forms.IntegerField(min_value=1, max_value=MOST_REVISIONS, widget=forms.HiddenInput)

    def words(self) -> Words:
        """Of a valid form."""
        sent = self.cleaned_data
        return Words(sent["length"], sent["moment"], sent["reason"], sent["ticket"])


class ExtendForm(TermsForm):
    """More time. There is no start to choose: it begins where the access would end."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    when = None  # type: ignore[assignment]
    start = None  # type: ignore[assignment]


class DenyForm(PlainForm):
    """One reason for several requests, each as it was shown."""

    comment = forms.CharField(
        max_length=REASON_LIMIT,
        error_messages={"required": "Say why. The people who asked will read it."},
    )
