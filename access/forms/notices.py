"""Endpoints and preferences, as people type and tick them."""

from typing import Any

from django import forms
from django.http import QueryDict

from access.forms.plain import PlainForm
from access.models import Digest, Endpoint, EndpointKind, Family, NoticePreference, Person
from access.outbound import LONGEST_ADDRESS
from access.services.endpoints import NAME_LIMIT, Details
from access.services.preferences import HOURS, Wish

FAMILIES = [(family.value, family.label) for family in Family]
OWN_FAMILIES = [each for each in FAMILIES if each[0] != Family.SECURITY.value]


class EndpointForm(PlainForm):
    """``kind`` is chosen once. An address left empty stays as it is."""

    name = forms.CharField(
        max_length=NAME_LIMIT, error_messages={"required": "Give it a name people know it by."}
    )
    kind = forms.ChoiceField(
        choices=EndpointKind.choices, error_messages={"required": "Choose what it is."}
    )
    address = forms.CharField(required=False, max_length=LONGEST_ADDRESS)
    families = forms.MultipleChoiceField(choices=FAMILIES, required=False)

    def __init__(
        self, data: QueryDict | None = None, *, known: Endpoint | None = None, **more: Any
    ) -> None:
        chosen = known.families if known else [family.value for family in Family]
        initial = {"name": known.name if known else "", "families": chosen}
        super().__init__(data, initial=initial, **more)
        if known is not None:
            del self.fields["kind"]

    def details(self) -> Details:
        known = self.cleaned_data
        return Details(known["name"], known["address"], known["families"])


class NoticeForm(PlainForm):
    """What a person wants by mail."""

    wanted = forms.MultipleChoiceField(choices=OWN_FAMILIES, required=False)
    digest = forms.ChoiceField(
        choices=Digest.choices, error_messages={"required": "Choose how the mails come."}
    )
    digest_hour = forms.TypedChoiceField(
        choices=[(hour, f"{hour:02}:00") for hour in HOURS], coerce=int
    )

    @classmethod
    def of(cls, person: Person) -> "NoticeForm":
        """As it is set now, for the page that shows it."""
        mine = NoticePreference.objects.filter(person=person).first() or NoticePreference()
        wanted = [value for value, _ in OWN_FAMILIES if value not in mine.muted]
        initial = {"wanted": wanted, "digest": mine.digest, "digest_hour": mine.digest_hour}
        return cls(initial=initial)

    def wish(self) -> Wish:
        known = self.cleaned_data
        return Wish(known["wanted"], known["digest"], known["digest_hour"])
