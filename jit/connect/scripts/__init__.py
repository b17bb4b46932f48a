"""The tunnel as a script to download: real files beside this one, with the facts of one access
written into them as quoted values. Nothing of a name is ever read as a command, in either shell.
"""

import re
import shlex
from collections.abc import Callable, Mapping
from datetime import UTC
from functools import cache
from pathlib import Path

from django.utils.text import slugify

from access.kinds import Command, Visit
from access.models import BastionHost
from jit.connect.ports import local_port, protocol_of
from jit.connect.words import target, user_of

HERE = Path(__file__).parent
PLACE = "# (the facts of one access)\n"
BASH, POWERSHELL = "Script: bash", "Script: PowerShell"
TITLE = "Tunnel, client and clean-up"
DOES = (
    "It opens the tunnel in the background, waits for the port, starts the client, and takes the "
    "tunnel down when the client ends or you press Ctrl-C."
)
UNBLOCK = "Windows marks what was downloaded: read it, unmark it with Unblock-File, and run it."
QUOTES = re.compile("(['\u2018\u2019\u201a\u201b])")  # PowerShell takes each of them for a quote
Facts = Mapping[str, str | int]
Line = Callable[[str, str | int], str]


def scripts_for(host: BastionHost, visit: Visit) -> list[Command]:
    stem = f"tunnel-{slugify(visit.machine.name)[:64] or 'machine'}-{visit.port}"
    facts, bash, power = _facts(host, visit), f"{stem}.sh", f"{stem}.ps1"
    in_bash = _written("tunnel.sh", bash, facts, _in_bash)
    in_power = _written("tunnel.ps1", power, facts, _in_powershell)
    run = f"Run it with: bash {bash}. {DOES}"
    return [
        Command(TITLE, in_bash, run, BASH, "bash", bash),
        Command(TITLE, in_power, f"{UNBLOCK} {DOES}", POWERSHELL, "powershell", power),
    ]


def in_powershell(text: str) -> str:
    """A literal of PowerShell: a quote within is doubled, nothing else has a meaning."""
    return "'" + QUOTES.sub(r"\1\1", text) + "'"


def _facts(host: BastionHost, visit: Visit) -> Facts:
    option, value = target(visit.machine)
    return {
        "Machine": visit.machine.name,
        "Until": f"{visit.until.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        "Subscription": host.subscription_id,
        "Bastion": host.name,
        "ResourceGroup": host.resource_group,
        "TargetOption": option,
        "Target": value,
        "RemotePort": visit.port,
        "DefaultPort": local_port(visit),
        "DefaultUser": user_of(visit),
        "HostKeyAlias": visit.machine.vm_id,
        "ClientKind": protocol_of(visit.port) or "any",
    }


def _written(file: str, name: str, facts: Facts, line: Line) -> str:
    """``name`` is what it is downloaded as: its own words on how to run it say FILE."""
    head, tail = _template(file)
    return head.replace("FILE", name) + "".join(line(*fact) for fact in facts.items()) + tail


@cache
def _template(file: str) -> tuple[str, str]:
    head, _, tail = (HERE / file).read_text(encoding="utf-8").partition(PLACE)
    return head, tail


def _in_bash(name: str, value: str | int) -> str:
    """``ResourceGroup`` is RESOURCE_GROUP there."""
    return f"{re.sub(r'(?<!^)(?=[A-Z])', '_', name).upper()}={shlex.quote(str(value))}\n"


def _in_powershell(name: str, value: str | int) -> str:
    return f"${name} = {value if isinstance(value, int) else in_powershell(value)}\n"
