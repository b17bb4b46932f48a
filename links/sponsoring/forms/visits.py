"""What is typed about a visit that runs, and about what is left to do after it."""

from django import forms

from access.forms.asking import LONGEST_TYPED
from access.forms.plain import PlainForm
from access.services.submission import REASON_LIMIT
from links.sponsoring.rotations import LONGEST_NOTE
from links.sponsoring.wishes import LONGEST_ANSWER


class AgainForm(PlainForm):
    """``seen``: how often it had been sent when the page was shown."""

    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0)


class WishForm(PlainForm):
    """To ask for the time that the vendor wishes for, or for less."""

    minutes = forms.IntegerField(
        min_value=1,
        max_value=LONGEST_TYPED,
        error_messages={
            "required": "Say how many minutes.",
            "invalid": "Give a whole number of minutes.",
        },
    )
    reason = forms.CharField(
        max_length=REASON_LIMIT, error_messages={"required": "Say why, in a few words."}
    )
    ticket = forms.CharField(required=False, max_length=64)


class DeclineForm(PlainForm):
    answer = forms.CharField(
        max_length=LONGEST_ANSWER,
        error_messages={"required": "Say why not. The vendor reads it."},
    )


class DoneForm(PlainForm):
    note = forms.CharField(required=False, max_length=LONGEST_NOTE)
