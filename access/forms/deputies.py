"""Naming a deputy: a person, found by what people call them, and a period."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict

from access.forms.plain import PlainForm
from access.models import Person
from access.services.submission import REASON_LIMIT
from access.walltime import NoSuchTimeError, wall_moment

MOST_NAMED = 3  # of several that fit


class DeputyForm(PlainForm):
    """``starts`` may be empty: from now on. Times are of the wall in the person's zone."""

    renames = {"starts_at": "starts", "ends_at": "ends"}

    deputy = forms.CharField(
        max_length=300, error_messages={"required": "Name the person who is to decide for you."}
    )
    starts = forms.CharField(required=False, max_length=32)
    ends = forms.CharField(
        max_length=32, error_messages={"required": "Say when you are back, to the minute."}
    )
    reason = forms.CharField(required=False, max_length=REASON_LIMIT)

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        people: Iterable[Person],
        zone: ZoneInfo,
        now: datetime,
    ) -> None:
        super().__init__(data)
        self.zone, self.now = zone, now
        self.people = labels(people)

    def clean_deputy(self) -> Person:
        """The one label, or the one person whose name or mail has it in it."""
        typed = str(self.cleaned_data["deputy"])
        if typed in self.people:
            return self.people[typed]
        fit = [label for label in self.people if typed.casefold() in label.casefold()]
        if len(fit) == 1:
            return self.people[fit[0]]
        if not fit:
            raise forms.ValidationError("No approver goes by that. Choose one from the list.")
        more = ", …" if len(fit) > MOST_NAMED else ""
        several = ", ".join(fit[:MOST_NAMED]) + more
        raise forms.ValidationError(f"Several go by that: {several}. Type more of it.")

    def clean_starts(self) -> datetime:
        return self._moment("starts") if self.cleaned_data["starts"] else self.now

    def clean_ends(self) -> datetime:
        return self._moment("ends")

    def wanted(self) -> dict[str, Any]:
        """Of a valid form, as the service takes it."""
        sent = self.cleaned_data
        return {
            "deputy": sent["deputy"],
            "starts_at": sent["starts"],
            "ends_at": sent["ends"],
            "reason": sent["reason"],
        }

    def _moment(self, name: str) -> datetime:
        try:
            return wall_moment(self.cleaned_data[name], self.zone)
        except NoSuchTimeError as problem:
            raise forms.ValidationError(str(problem)) from problem


def labels(people: Iterable[Person]) -> dict[str, Person]:
    """What each person is called, so that no two are called the same."""
    listed = list(people)
    names = Counter(_plain(person) for person in listed)
    return {
        _plain(person)
        if names[_plain(person)] == 1
        else f"{_plain(person)} {person.object_id}": person
        for person in listed
    }


def _plain(person: Person) -> str:
    return f"{person.display_name} ({person.mail})" if person.mail else person.display_name
