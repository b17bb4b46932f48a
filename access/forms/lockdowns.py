"""Closing everything, as forms: which part of the estate, and why."""

from collections.abc import Mapping, Sequence

from django import forms

from access.forms.plain import PlainForm
from access.models import LockdownScope, Machine
from access.services.submission import REASON_LIMIT

EVERYTHING = f"{LockdownScope.ALL}|"
Groups = Sequence[tuple[str, Sequence[tuple[str, str]]]]


class PartForm(PlainForm):
    """What is looked at: a part of the estate from the list, or one machine by its name."""

    target = forms.ChoiceField(required=False)
    machine = forms.CharField(required=False, max_length=200)

    def __init__(self, data: Mapping[str, str], *, parts: Groups) -> None:
        super().__init__(data)
        target = self.fields["target"]
        if isinstance(target, forms.ChoiceField):
            target.choices = list(parts)

    def clean_machine(self) -> str:
        """As its key, when exactly one machine in use has the name."""
        name = str(self.cleaned_data["machine"]).strip()
        if not name:
            return ""
        named = Machine.objects.filter(name__iexact=name, gone_at__isnull=True)
        keys = list(named.values_list("resource_key", flat=True)[:2])
        if len(keys) != 1:
            how_many = "Several machines have" if keys else "No machine has"
            raise forms.ValidationError(f"{how_many} this name. Choose a resource group instead.")
        return str(keys[0])

    @property
    def part(self) -> tuple[str, str]:
        """(scope, value). A named machine comes before the list."""
        if not self.is_valid():
            return LockdownScope.ALL, ""
        if key := self.cleaned_data["machine"]:
            return LockdownScope.MACHINE, key
        return part_of(self.cleaned_data["target"])


class OrderForm(PlainForm):
    """``target``: the part that was shown, as ``scope|value``. The service judges it."""

    target = forms.CharField(max_length=700, widget=forms.HiddenInput)
    reason = forms.CharField(
        max_length=REASON_LIMIT,
        error_messages={"required": "Say what happened. Everybody who reads the ledger will ask."},
    )

    @property
    def part(self) -> tuple[str, str]:
        return part_of(self.data.get("target", ""))


class LiftForm(PlainForm):
    reason = forms.CharField(
        max_length=REASON_LIMIT,
        error_messages={"required": "Say why things may be opened again."},
    )


def part_of(target: str) -> tuple[str, str]:
    scope, _, value = (target or EVERYTHING).partition("|")
    return scope, value
