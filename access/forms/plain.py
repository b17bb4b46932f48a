"""What all forms share."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict

from access.walltime import NoSuchTimeError, wall_moment

Choices = Sequence[tuple[str, str]]


NOW, LATER = "now", "later"


class PlainForm(forms.Form):
    """Marks its wrong fields for screen readers, and takes the services' ``Invalid`` as its own."""

    renames: Mapping[str, str] = {}  # a service's field to the form's, where they differ

    def take(self, problems: Mapping[str, str]) -> None:
        """Write a service's messages beside the fields that they are about."""
        for name, message in problems.items():
            mine = self.renames.get(name, name)
            self.add_error(mine if mine in self.fields else None, message)

    def problems(self) -> list[tuple[str, str]]:
        """(id of the field, message) in the order of the page, for the summary on top."""
        found = []
        for name in [*self.fields, "__all__"]:
            found += [(f"id_{name}", str(text)) for text in self.errors.get(name, [])]
        return found


class FromWhenForm(PlainForm):
    """Now, or at a wall-clock time of somebody's zone: ``moment`` in what was cleaned."""

    when = forms.ChoiceField(choices=[(NOW, "Now"), (LATER, "Later")], required=False)
    start = forms.CharField(required=False, max_length=32)

    def __init__(self, data: QueryDict | None = None, *, zone: ZoneInfo, **more: Any) -> None:
        super().__init__(data, **more)
        self.zone = zone

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        cleaned["moment"] = self._moment(cleaned)
        return cleaned

    def _moment(self, cleaned: dict[str, Any]) -> datetime | None:
        """``None`` means now."""
        if cleaned.get("when") != LATER:
            return None
        try:
            return wall_moment(cleaned.get("start", ""), self.zone)
        except NoSuchTimeError as problem:
            self.add_error("start", str(problem))
        return None
