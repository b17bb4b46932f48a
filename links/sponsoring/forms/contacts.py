"""What is typed of a contact. The rules are the service's."""

from typing import Any

from django import forms
from django.conf import settings
from django.http import QueryDict

from access.forms.me import zones
from access.forms.plain import PlainForm
from access.services.submission import REASON_LIMIT, clean_text
from links.models import VendorContact
from links.outsiders import LONGEST_NAME, LONGEST_PHONE, phone_problem
from links.sponsoring.contacts import NOT_CALLED, Words


class ContactForm(PlainForm):
    """``seen``: what the page showed, so that nobody undoes what another wrote meanwhile."""

    seen = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)
    name = forms.CharField(max_length=LONGEST_NAME, error_messages={"required": "Give their name."})
    company = forms.CharField(
        max_length=LONGEST_NAME, error_messages={"required": "Give their company."}
    )
    phone = forms.CharField(
        max_length=LONGEST_PHONE,
        error_messages={"required": "Give a number to call them back on."},
    )
    zone = forms.ChoiceField(
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"), "Choose a time zone from the list."
        ),
    )
    language = forms.ChoiceField(
        choices=lambda: settings.LANGUAGES,
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"), "Choose a language from the list."
        ),
    )

    def __init__(self, contact: VendorContact, data: QueryDict | None = None) -> None:
        now = Words.of(contact)
        super().__init__(data, initial={**vars(now), "seen": now.digest})
        self.latest = now.digest
        field = self.fields["zone"]
        if isinstance(field, forms.ChoiceField):
            names = dict.fromkeys([*zones(), contact.zone])
            field.choices = [(name, name.replace("_", " ")) for name in names]

    def clean_phone(self) -> str:
        """Said with the other fields' problems, not after them."""
        phone = clean_text(self.cleaned_data["phone"])
        if wrong := phone_problem(phone):
            raise forms.ValidationError(wrong)
        return phone

    def words(self) -> Words:
        """Of a valid form."""
        sent: dict[str, Any] = self.cleaned_data
        return Words(**{name: sent[name] for name in Words.__dataclass_fields__})


class CheckForm(PlainForm):
    phone = forms.CharField(max_length=LONGEST_PHONE, widget=forms.HiddenInput)
    called = forms.BooleanField(error_messages={"required": NOT_CALLED})


class BlockForm(PlainForm):
    why = forms.CharField(
        max_length=REASON_LIMIT,
        error_messages={"required": "Say why. Whoever wants to invite them will read it."},
    )
