"""What vendors' forms are read with. Everything that they say may be said by anybody."""

from django import forms
from django.utils.translation import gettext_lazy as _

from access.presenters.moments import duration
from access.services.submission import clean_text
from links.visiting.wishing import LONGEST_WHY

PRESETS = (30, 60, 120, 240, 480)  # minutes


def lengths() -> list[tuple[int, str]]:
    return [(minutes, duration(minutes)) for minutes in PRESETS]


class AcceptedForm(forms.Form):
    """Of the terms that stood on the page, so that what is kept is what was read."""

    version = forms.CharField(max_length=40)
    digest = forms.RegexField("[0-9a-f]{64}", max_length=64)
    language = forms.CharField(max_length=8)


class WishForm(forms.Form):
    minutes = forms.TypedChoiceField(
        choices=[(minutes, str(minutes)) for minutes in PRESETS],
        coerce=int,
        error_messages={
            "required": _("Choose how much longer."),
            "invalid_choice": _("Choose how much longer."),
        },
    )
    why = forms.CharField(
        max_length=LONGEST_WHY,
        error_messages={
            "required": _("Say why you need more time."),
            "max_length": _("Keep it under %(limit_value)d characters."),
        },
    )

    def clean_why(self) -> str:
        why: str = clean_text(self.cleaned_data["why"])
        if not why:
            raise forms.ValidationError(_("Say why you need more time."))
        return why
