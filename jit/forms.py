"""What an administrator types about a machine's ports. The rules themselves are the orders'."""

import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.forms import BoundField
from django.http import QueryDict

from access.forms.plain import PlainForm
from access.services.submit import REASON_LIMIT
from jit.orders import HIGHEST_PORT, MOST_PORTS, Wanted
from jit.wanted import Port, ports_from
from portal.azure.checks.policies import DEFAULT_MINUTES

MINUTES_PER = {"minutes": 1, "hours": 60}
UNITS = [("minutes", "minutes"), ("hours", "hours")]
SPARE_ROWS = 2
LONGEST_TYPED = 1440
WRONG_PORT = f"A port is a number from 1 to {HIGHEST_PORT}."
WRONG_LENGTH = "Give a length from 5 minutes to 24 hours."


class PolicyForm(PlainForm):
    """Rows of a port and how long a window may last; an empty port is no row.

    ``shown``: the ports as they were when the page was made, so that nobody orders by a page
    that has grown old. ``confirmed`` comes from the page that shows what will change.
    """

    submission_key = forms.UUIDField(widget=forms.HiddenInput)
    shown = forms.CharField(widget=forms.HiddenInput, max_length=20_000, strip=False)
    unguard = forms.BooleanField(required=False)
    reason = forms.CharField(
        max_length=REASON_LIMIT, error_messages={"required": "Say why. It stands in the ledger."}
    )
    ports = forms.CharField(required=False)  # carries what is wrong with the ports together

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        rows: int,
        initial: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=initial)
        self.rows = min(rows, MOST_PORTS)
        for number in range(self.rows):
            self.fields |= _row_fields(number)

    @classmethod
    def first(cls, before: Sequence[Port], login_port: int) -> "PolicyForm":
        """As it is; where nothing is guarded yet, with the port that people sign in through."""
        known = [(number, minutes) for number, _, minutes in before]
        proposed = known or [(login_port, DEFAULT_MINUTES)]
        values: dict[str, Any] = {"submission_key": uuid.uuid4(), "shown": json.dumps(before)}
        for row, (number, minutes) in enumerate(proposed):
            values |= _row_values(row, number, minutes)
        return cls(initial=values, rows=len(proposed) + SPARE_ROWS)

    @classmethod
    def sent(cls, data: QueryDict) -> "PolicyForm":
        rows = sum(1 for name in data if name.startswith("number_"))
        return cls(data, rows=max(rows, 1))

    def lines(self) -> Iterator[tuple[int, BoundField, BoundField, BoundField]]:
        for row in range(self.rows):
            fields = (self[f"{name}_{row}"] for name in ("number", "length", "unit"))
            number, length, unit = fields
            yield row + 1, number, length, unit

    def clean_shown(self) -> list[Port]:
        try:
            return ports_from(json.loads(self.cleaned_data["shown"]))
        except (ValueError, TypeError):
            raise forms.ValidationError("Load the page again.") from None

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        found = [self._port(row) for row in range(self.rows)]
        cleaned["wanted"] = [port for port in found if port is not None]
        if cleaned.get("unguard"):
            cleaned["wanted"] = []
        elif not cleaned["wanted"] and not self.errors:
            self.add_error("ports", "Name a port, or say that the machine is to be taken out.")
        return cleaned

    def wanted(self) -> Wanted:
        """Of a valid form."""
        sent = self.cleaned_data
        return Wanted(sent["submission_key"], sent["reason"], sent["wanted"])

    def _port(self, row: int) -> tuple[int, int] | None:
        sent = self.cleaned_data
        number, length = sent.get(f"number_{row}"), sent.get(f"length_{row}")
        if number is None:
            return None
        if length is None:
            if f"length_{row}" not in self.errors:
                self.add_error(f"length_{row}", WRONG_LENGTH)
            return None
        return number, length * MINUTES_PER[sent.get(f"unit_{row}") or "minutes"]


def _row_fields(row: int) -> dict[str, forms.Field]:
    wrong = dict.fromkeys(("invalid", "min_value", "max_value"), WRONG_PORT)
    long = dict.fromkeys(("invalid", "min_value", "max_value"), WRONG_LENGTH)
    return {
        f"number_{row}": forms.IntegerField(
            required=False, min_value=1, max_value=HIGHEST_PORT, error_messages=wrong
        ),
        f"length_{row}": forms.IntegerField(
            required=False, min_value=1, max_value=LONGEST_TYPED, error_messages=long
        ),
        f"unit_{row}": forms.ChoiceField(required=False, choices=UNITS),
    }


def _row_values(row: int, number: int, minutes: int) -> dict[str, Any]:
    unit = "minutes" if minutes % MINUTES_PER["hours"] else "hours"
    values = {"number": number, "length": minutes // MINUTES_PER[unit], "unit": unit}
    return {f"{name}_{row}": value for name, value in values.items()}
