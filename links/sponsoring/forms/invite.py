"""What a sponsor says of a vendor's person, and of what they are let in for."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.conf import settings

from access.forms.asking import NewForm
from access.forms.me import zones
from access.forms.plain import Choices
from access.services import Submission
from links.particulars import LONGEST_ALIAS, LONGEST_CREDENTIALS

PERSON = ("vendor_name", "vendor_company", "vendor_mail")
DETAILS = ("phone", "checked", "alias", "credentials", "zone", "language", "sources")
LONGEST_SOURCES = 2000
DUTIES = (
    "You can be reached by phone as long as the window is open, and you know what they work on.",
    "You end it as soon as the work is done, and at once if anything about it seems wrong.",
    "Afterwards you have the login on the machine changed. You are reminded until it was done.",
)


class InviteForm(NewForm):
    """A problem with the way in has no field of its own here: it stands with the machines."""

    renames = {"kind": "machine", "port": "machine"}

    contact = forms.CharField(required=False, max_length=20)
    vendor_name = forms.CharField(
        max_length=200, error_messages={"required": "Name the person who is to come."}
    )
    vendor_company = forms.CharField(
        max_length=200, error_messages={"required": "Name their company."}
    )
    vendor_mail = forms.EmailField(
        max_length=254,
        error_messages={
            "required": "Give their mail address: the invitation and every code go there.",
            "invalid": "This is no mail address that could be written to.",
        },
    )
    vendor_phone = forms.CharField(
        max_length=40,
        error_messages={"required": "Give a number to call them back on, such as +49 30 123456."},
    )
    vendor_checked = forms.BooleanField(required=False)
    vendor_alias = forms.CharField(required=False, max_length=LONGEST_ALIAS)
    vendor_credentials = forms.CharField(
        max_length=LONGEST_CREDENTIALS,
        error_messages={"required": "Say who gives them the login on the machine, and how."},
    )
    vendor_language = forms.CharField(required=False, max_length=8)
    vendor_zone = forms.CharField(required=False, max_length=64)
    vendor_sources = forms.CharField(required=False, max_length=LONGEST_SOURCES)
    duties = forms.BooleanField(error_messages={"required": "Say that you will do this."})

    field_order = (
        "submission_key", "machine", "contact", *PERSON, "vendor_phone", "vendor_checked",
        "vendor_alias", "vendor_credentials", "minutes", "custom_minutes", "when", "start",
        "reason", "ticket", "vendor_language", "vendor_zone", "vendor_sources", "duties",
    )  # fmt: skip

    @property
    def languages(self) -> Choices:
        return settings.LANGUAGES

    @property
    def zones(self) -> list[str]:
        """With the one that a contact is kept with, which may have an older name."""
        chosen, known = str(self["vendor_zone"].value() or ""), zones()
        return known if chosen in known or not chosen else [chosen, *known]

    def submission(self, kind: str, ports: Mapping[int, int]) -> Submission:
        sent = self.cleaned_data
        told: dict[str, Any] = {name: sent[f"vendor_{name}"] for name in DETAILS}
        person = {name: sent[name] for name in PERSON}
        return replace(super().submission(kind, ports), **person, details=told)
