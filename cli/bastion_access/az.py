"""The one program that is ever run: ``az network bastion``, with options that are known here.

The portal tells which; whatever it tells, nothing else is run. ``az network bastion ssh`` hands
words it does not know to ``ssh``, which can run programs: so every option and the form of its value
stand in a list.
"""

import os
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from bastion_access.errors import CliError, NoClient
from bastion_access.plain import plain

CLIENT = ("az", "network", "bastion")
VERBS = frozenset({"ssh", "rdp", "tunnel"})
VERB = len(CLIENT)  # where it stands
NAME = re.compile(r"[\w(](?:[\w.()-]*[\w()-])?")  # Azure takes the letters of every language
PORT = re.compile(r"[1-9]\d{0,4}")
OPTIONS = {
    "--subscription": re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
    "--name": NAME,
    "--resource-group": NAME,
    "--target-resource-id": re.compile(r"/subscriptions(?:/[\w.()-]+)+"),
    "--target-ip-address": re.compile(r"[0-9A-Fa-f][0-9A-Fa-f.:]*"),
    "--resource-port": PORT,
    "--port": PORT,
    "--auth-type": re.compile(r"AAD|ssh-key|password"),
    "--username": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\-]*"),
    "--ssh-key": re.compile(r"~(?:/\.?[A-Za-z0-9_-][A-Za-z0-9_.-]*)+"),
}
INSTALL = (
    "The Azure CLI (az) is not installed, or not on PATH. How to get it: "
    "https://learn.microsoft.com/cli/azure/install-azure-cli. Then: az login, and "
    "az extension add --name bastion"
)


def checked(argv: Sequence[str]) -> list[str]:
    """The same words. Raises ``CliError`` unless it is one command that is known to be harmless."""
    words = list(argv)
    if not all(isinstance(word, str) for word in words):
        raise _refused(words)
    if tuple(words[:VERB]) != CLIENT or not set(words[VERB : VERB + 1]) & VERBS:
        raise _refused(words)
    names, values = words[VERB + 1 :: 2], words[VERB + 2 :: 2]
    if len(names) != len(values) or len(set(names)) != len(names):
        raise _refused(words)
    for name, value in zip(names, values, strict=True):
        form = OPTIONS.get(name)
        if form is None or not form.fullmatch(value):
            raise _refused(words)
    return words


def verb_of(argv: Sequence[str]) -> str:
    """``ssh``, ``rdp`` or ``tunnel``."""
    return argv[VERB]


def option(argv: Sequence[str], name: str) -> str:
    """Its value; empty where it is not there."""
    words = list(argv)
    return words[words.index(name) + 1] if name in words else ""


def line(argv: Sequence[str]) -> str:
    """To paste into a shell: the home directory is left for the shell to find."""
    return " ".join(word if word.startswith("~/") else shlex.quote(word) for word in argv)


def runnable(argv: Sequence[str]) -> list[str]:
    """Checked, with the path of the program and of the home directory. Raises ``NoClient``."""
    words = checked(argv)
    homes = [str(Path(word).expanduser()) if word.startswith("~/") else word for word in words]
    return [client(), *homes[1:]]


def client() -> str:
    """Where ``az`` is. Never taken from the current folder: anybody may have put it there."""
    folders = [
        part for part in os.environ.get("PATH", "").split(os.pathsep) if Path(part).is_absolute()
    ]
    found = shutil.which(CLIENT[0], path=os.pathsep.join(folders)) if folders else None
    if (
        found is None
        or not Path(found).is_absolute()
        or str(Path(found).parent) not in {str(Path(folder)) for folder in folders}
    ):
        raise NoClient(INSTALL)
    return found


def _refused(words: list[str]) -> CliError:
    shown = plain(" ".join(str(word) for word in words))
    return CliError(f"The portal wants something run that is no known way to connect: {shown}")
