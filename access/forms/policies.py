"""What people type about policies, turned into what the services take."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict

from access.forms.asking import LONGEST_TYPED
from access.forms.plain import FromWhenForm, PlainForm
from access.presenters.policy_lines import line_of, root_of
from access.services.policies import SOURCE_LIMIT
from access.services.submission import REASON_LIMIT

BIGGEST_NUMBER = 2**31 - 1
LONGEST_NAME = 200


class ProposeForm(PlainForm):
    """``based_on``: the number that was in force when the page was opened."""

    based_on = forms.IntegerField(min_value=0, max_value=BIGGEST_NUMBER, widget=forms.HiddenInput)
    source = forms.CharField(
        max_length=SOURCE_LIMIT,
        strip=False,
        error_messages={"required": "Write the policy, or paste it here."},
    )
    note = forms.CharField(required=False, max_length=REASON_LIMIT)

    def take(self, problems: Mapping[str, str]) -> None:
        """What is wrong with the text comes as a line for each."""
        for name, message in problems.items():
            for text in message.splitlines():
                super().take({name: text})

    def problems(self) -> list[tuple[str, str]]:
        """Those of the text lead to the line, where it can be told."""
        known = {text: line for line, text in self.places()}
        return [
            (f"line-{known[text]}", _placed(known[text], text)) if text in known else (place, text)
            for place, text in super().problems()
        ]

    def places(self) -> list[tuple[int, str]]:
        """(line, what is wrong there), of what is wrong with the text."""
        texts = [str(text) for text in self.errors.get("source", [])]
        root = root_of(str(self["source"].value() or "")) if texts else None
        found = [(line_of(text, root), text) for text in texts]
        return [(line, text) for line, text in found if line is not None]


def _placed(line: int, text: str) -> str:
    """The reader of YAML names the line itself."""
    return f"L{text[1:]}" if text.startswith("line ") else f"Line {line}: {text}"


class DecidePolicyForm(PlainForm):
    """``digest``: of the policy that the page showed."""

    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
    comment = forms.CharField(required=False, max_length=REASON_LIMIT)


class SimulateForm(FromWhenForm):
    """Somebody who would ask for something. Found by name: lists of everything are long."""

    person = forms.CharField(max_length=LONGEST_NAME, error_messages={"required": "Name a person."})
    machine = forms.CharField(
        max_length=LONGEST_NAME, error_messages={"required": "Name a machine."}
    )
    way = forms.CharField(required=False, max_length=40)
    minutes = forms.IntegerField(
        min_value=1,
        max_value=LONGEST_TYPED,
        error_messages={"required": "Say for how many minutes."},
    )
    vendor_mail = forms.EmailField(required=False, max_length=254)
    policy = forms.IntegerField(required=False, min_value=0, max_value=BIGGEST_NUMBER)

    def __init__(self, data: QueryDict | None, *, zone: ZoneInfo, **more: Any) -> None:
        super().__init__(data, zone=zone, **more)
        self.choices: dict[str, list[tuple[str, str]]] = {}  # field to (link, label) of what fits
