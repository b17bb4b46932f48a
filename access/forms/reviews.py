"""What people type when they break glass, and when they review it."""

from collections.abc import Sequence

from django import forms
from django.http import QueryDict

from access.forms.plain import Choices, PlainForm
from access.models import Machine
from access.services import Submission
from access.services.submission import REASON_LIMIT


class BreakGlassForm(PlainForm):
    renames = {"kind": "way", "port": "way"}

    submission_key = forms.UUIDField(widget=forms.HiddenInput)
    machine = forms.IntegerField(widget=forms.HiddenInput)
    way = forms.ChoiceField(error_messages={"required": "Choose a way in."})
    minutes = forms.ChoiceField(error_messages={"required": "Choose how long."})
    reason = forms.CharField(
        max_length=REASON_LIMIT, error_messages={"required": "Say what happens, in a few words."}
    )
    understood = forms.BooleanField(
        error_messages={"required": "Say that you understand who is told and who reviews it."}
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        ways: Choices,
        lengths: Sequence[int],
        initial: dict[str, object] | None = None,
    ) -> None:
        """``ways`` as ``("window:22", label)``."""
        super().__init__(data, initial=initial)
        _offer(self.fields["way"], ways)
        _offer(self.fields["minutes"], [(str(each), str(each)) for each in lengths])

    def submission(self, machine: Machine) -> Submission:
        """Of a valid form."""
        sent = self.cleaned_data
        kind, port = sent["way"].split(":")
        return Submission(
            submission_key=sent["submission_key"],
            machine_id=machine.pk,
            kind=kind,
            port=int(port),
            minutes=int(sent["minutes"]),
            reason=sent["reason"],
        )


class ReviewForm(PlainForm):
    verdict = forms.ChoiceField(
        choices=[("justified", "Justified"), ("unjustified", "Not justified")],
        error_messages={"required": "Say whether it was justified."},
    )
    comment = forms.CharField(
        max_length=REASON_LIMIT,
        error_messages={"required": "Say what you looked at and why you think so."},
    )


def _offer(field: forms.Field, choices: Choices) -> None:
    if isinstance(field, forms.ChoiceField):
        field.choices = list(choices)
