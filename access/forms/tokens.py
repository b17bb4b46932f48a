"""Making a personal token, and answering a program that asks for one."""

from django import forms

from access.forms.plain import PlainForm
from access.models import Scope
from access.services.tokens import DAYS, NAME_LIMIT, TokenWish

USUAL_DAYS = 30


class TokenForm(PlainForm):
    key = forms.UUIDField(widget=forms.HiddenInput)
    name = forms.CharField(
        max_length=NAME_LIMIT,
        error_messages={"required": "Say what the token is for, such as “laptop”."},
    )
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        initial=[Scope.READ.value],
        error_messages={
            "required": "Choose what the token may do.",
            "invalid_choice": "Choose what the token may do.",
        },
    )
    days = forms.TypedChoiceField(
        choices=[(days, "1 day" if days == 1 else f"{days} days") for days in DAYS],
        coerce=int,
        initial=USUAL_DAYS,
        error_messages={
            "required": "Choose how long it lasts.",
            "invalid_choice": "Choose how long it lasts.",
        },
    )

    def wish(self) -> TokenWish:
        """Of a valid form."""
        sent = self.cleaned_data
        return TokenWish(sent["name"], sent["scopes"], sent["days"], sent["key"])


class DeviceForm(PlainForm):
    code = forms.CharField(
        max_length=64,
        error_messages={"required": "Type the code that the program shows."},
    )
