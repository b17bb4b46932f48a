"""What people set for themselves: their zone, and how commands to connect read."""

from zoneinfo import available_timezones

from django import forms

from access.forms.plain import PlainForm
from access.kinds import Wishes
from access.models import Person


class ConnectForm(PlainForm):
    """What people may change in the commands to connect. What is wrong is left as it would be."""

    user_name = forms.RegexField(
        r"^[A-Za-z0-9_][\w.@\\-]*$",
        required=False,
        max_length=64,
        error_messages={"invalid": "Give the name as you would type it when signing in."},
    )
    local_port = forms.IntegerField(
        required=False,
        min_value=1024,
        max_value=65535,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value"), "Give a port from 1024 to 65535."
        ),
    )

    def wishes(self) -> Wishes:
        self.is_valid()
        return Wishes(
            user_name=self.cleaned_data.get("user_name", ""),
            local_port=self.cleaned_data.get("local_port"),
        )


class MeForm(PlainForm):
    """What people may change about themselves."""

    zone = forms.ChoiceField(
        choices=lambda: [(name, name.replace("_", " ")) for name in zones()],
        error_messages={"invalid_choice": "Choose a time zone from the list."},
    )

    @classmethod
    def of(cls, person: Person) -> "MeForm":
        return cls(initial={"zone": person.zone})


def zones() -> list[str]:
    """Names that people know: regions and UTC, without the historical aliases."""
    regions = ("Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/")
    wanted = (*regions, "Europe/", "Indian/", "Pacific/")
    return ["UTC", *sorted(name for name in available_timezones() if name.startswith(wanted))]
