"""Asking for access, and for when it would end."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict

from access.forms.plain import LATER, Choices, FromWhenForm
from access.services import Submission
from access.services.submit import REASON_LIMIT
from access.walltime import wall_moment

PRESETS = (30, 60, 120, 240, 480, 1440)
CUSTOM = "custom"
LONGEST_TYPED = 100_000


class TermsForm(FromWhenForm):
    """How long, from when, what for: what may still be changed while nobody has decided."""

    minutes = forms.ChoiceField(error_messages={"required": "Choose how long."})
    custom_minutes = forms.IntegerField(required=False, min_value=1, max_value=LONGEST_TYPED)
    reason = forms.CharField(
        max_length=REASON_LIMIT,
        error_messages={
            "required": "Say what you need the access for. The approver decides by it."
        },
    )
    ticket = forms.CharField(required=False, max_length=64)
    field_order: Sequence[str] = ("minutes", "custom_minutes", "when", "start")  # as on the page

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        lengths: Choices,
        zone: ZoneInfo,
        initial: dict[str, Any] | None = None,
    ) -> None:
        """``lengths`` as ``("60", "1 h")``; another one may always be typed."""
        super().__init__(data, zone=zone, initial=initial)
        self._choices("minutes", [*lengths, (CUSTOM, "Another length")])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        cleaned["length"] = self._length(cleaned)
        return cleaned

    def _choices(self, name: str, choices: Choices) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = list(choices)

    def _length(self, cleaned: dict[str, Any]) -> int:
        chosen = cleaned.get("minutes")
        if chosen != CUSTOM:
            return int(chosen or 0)
        if cleaned.get("custom_minutes") is None and "custom_minutes" not in self.errors:
            self.add_error("custom_minutes", "Type how many minutes you need.")
        return cleaned.get("custom_minutes") or 0


class NewForm(TermsForm):
    """Asking for access to one machine, or to several with one decision."""

    submission_key = forms.UUIDField(widget=forms.HiddenInput)
    machine = forms.IntegerField(widget=forms.HiddenInput)

    def submission(self, kind: str, ports: Mapping[int, int]) -> Submission:
        """Of a valid form. ``ports``: of each machine, the first one first."""
        sent = self.cleaned_data
        first, *others = ports.items()
        return Submission(
            submission_key=sent["submission_key"],
            machine_id=first[0],
            kind=kind,
            port=first[1],
            minutes=sent["length"],
            start=sent["moment"],
            reason=sent["reason"],
            ticket=sent["ticket"],
            others=tuple(others),
        )


class AskForm(NewForm):
    """For oneself."""

    renames = {"kind": "way", "port": "way"}

    way = forms.ChoiceField(error_messages={"required": "Choose a way in."})
    field_order = ("submission_key", "machine", "way", *TermsForm.field_order)

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        ways: Choices,
        lengths: Choices,
        zone: ZoneInfo,
        initial: dict[str, Any] | None = None,
    ) -> None:
        """``ways`` as ``("window:22", label)``, only those that can be asked for."""
        super().__init__(data, lengths=lengths, zone=zone, initial=initial)
        self._choices("way", ways)


class PreviewForm(forms.Form):
    """The part of asking that decides when it would end. Wrong values simply show nothing."""

    minutes = forms.CharField(required=False, max_length=10)  # Python reads no number without end
    custom_minutes = forms.IntegerField(required=False, min_value=1, max_value=LONGEST_TYPED)
    when = forms.CharField(required=False)
    start = forms.CharField(required=False, max_length=32)

    def length(self) -> timedelta | None:
        chosen = self.cleaned_data.get("minutes", "")
        typed = self.cleaned_data.get("custom_minutes") if chosen == CUSTOM else chosen
        minutes = str(typed or "")
        if not (minutes.isascii() and minutes.isdecimal()):
            return None
        return timedelta(minutes=min(int(minutes), LONGEST_TYPED))

    def in_minutes(self) -> int:
        """Nought where no length is chosen."""
        found = self.length()
        return int(found.total_seconds() // 60) if found else 0

    def start_in(self, zone: ZoneInfo) -> datetime | None:
        """``None`` means now. Raises ``NoSuchTimeError``."""
        if self.cleaned_data.get("when") != LATER:
            return None
        return wall_moment(self.cleaned_data.get("start", ""), zone)
