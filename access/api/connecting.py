"""How the person that an access was given to gets in, for programs that run it."""

import shlex
from typing import Any

from rest_framework import serializers

from access.api.serializers import Strict
from access.kinds import Command, Wishes
from access.models import Grant, Person
from access.presenters.connect import commands_of
from access.states import GrantState

CLIENT = ["az", "network", "bastion"]
LANGUAGES = {"shell": "bash"}  # lines to paste read the same in every POSIX shell


class WishesSerializer(Strict):
    """The same as on the page of a request."""

    user_name = serializers.RegexField(
        r"^[A-Za-z0-9_][A-Za-z0-9_.@\\-]*$", max_length=64, required=False, default=""
    )
    local_port = serializers.IntegerField(
        min_value=1024, max_value=65535, required=False, default=None, allow_null=True
    )

    def wishes(self) -> Wishes:
        return Wishes(**self.validated_data)


WHY = {
    GrantState.SCHEDULED: "It is approved and has not begun yet.",
    GrantState.OPENING: "It is being opened.",
    GrantState.CLOSING: "It is being closed.",
    GrantState.CLOSED: "It is over.",
}


class WayInSerializer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment] # a field of ours, not DRF's own
    group = serializers.CharField(help_text="What it is good for; steps of one need share it.")
    language = serializers.ChoiceField(choices=["bash", "powershell", "address"])
    text = serializers.CharField(help_text="To paste into a shell, to save and run, or to open.")
    argv = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="Where it is one `az network bastion` command: its words, to run without a "
        "shell. A leading ~ stands for the home directory.",
    )
    needs = serializers.CharField(help_text="What to know or to have first; may be empty.")


class WaysInSerializer(serializers.Serializer[Any]):
    ready = serializers.BooleanField(help_text="Whether anything can be run now.")
    why = serializers.CharField(help_text="Why not; empty while it is ready.")
    ends_at = serializers.DateTimeField()
    commands = WayInSerializer(many=True)


def ways_in(grant: Grant, viewer: Person, wishes: Wishes) -> dict[str, Any]:
    """For whoever ``policy.may_connect``; the recommended way first."""
    commands = commands_of(grant, viewer, wishes)
    return {
        "ready": bool(commands),
        "why": "" if commands else _why_not(grant),
        "ends_at": grant.ends_at,
        "commands": [_way(command) for command in commands],
    }


def _way(command: Command) -> dict[str, Any]:
    return {
        "label": command.title,
        "group": command.group,
        "language": LANGUAGES.get(command.language, command.language),
        "text": command.text,
        "argv": argv_of(command),
        "needs": command.note,
    }


def argv_of(command: Command) -> list[str] | None:
    """Only of one line that this portal wrote and quoted itself for ``az``."""
    if command.language != "shell" or "\n" in command.text:
        return None
    words = shlex.split(command.text)
    return words if words[: len(CLIENT)] == CLIENT else None


def _why_not(grant: Grant) -> str:
    if hasattr(grant, "end_order"):
        return "Its end was ordered."
    return WHY.get(GrantState(grant.state), "No way in is known to its machine.")
