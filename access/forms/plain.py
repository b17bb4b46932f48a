"""What all forms share."""

from collections.abc import Mapping, Sequence

from django import forms

Choices = Sequence[tuple[str, str]]


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
