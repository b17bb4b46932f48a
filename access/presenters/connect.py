"""How the person that an access was given to gets in while it is open."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count, groupby
from urllib.parse import urlencode

from access import policy
from access.kinds import Command, Place, Visit, Wishes, all_kinds
from access.models import BastionHost, Grant, Person
from access.presenters.grants import GrantLine
from access.states import GrantState


@dataclass(frozen=True)
class Shown:
    command: Command
    number: int  # from 1, within its grant


@dataclass(frozen=True)
class Group:
    """What one need takes: one command, or several steps."""

    title: str
    shown: list[Shown]


@dataclass(frozen=True)
class Connection:
    """One open grant. ``first`` is the recommended way, ``None`` where no way leads in."""

    line: GrantLine
    first: Group | None = None
    others: list[Group] = field(default_factory=list)

    @property
    def has_commands(self) -> bool:
        """Not only an address to open."""
        return self.first is not None and self.first.shown[0].command.language != "address"


def connections_for(lines: Iterable[GrantLine], viewer: Person, wishes: Wishes) -> list[Connection]:
    return [_connection(line, commands_of(line.grant, viewer, wishes)) for line in lines]


def commands_of(grant: Grant, viewer: Person, wishes: Wishes) -> list[Command]:
    """Empty for everybody else, and unless it is open and nobody has ordered its end.

    Needs machine__bastion, end_order and access_request loaded, or asks for each.
    """
    kind = all_kinds().get(grant.kind)
    usable = grant.state == GrantState.OPEN and not hasattr(grant, "end_order")
    if kind is None or not usable or not policy.may_connect(grant, viewer):
        return []
    host = _host_of(grant)
    return kind.commands(Visit(grant.machine, host, grant.port, grant.ends_at, wishes))


def query_of(wishes: Wishes) -> str:
    """So that a poll and a download say the same as the page; empty without wishes."""
    wanted = {name: value for name, value in vars(wishes).items() if value}
    return f"?{urlencode(wanted)}" if wanted else ""


def _connection(line: GrantLine, commands: list[Command]) -> Connection:
    numbers = count(1)
    grouped = groupby(commands, key=lambda command: command.group)
    groups = [
        Group(title, [Shown(command, next(numbers)) for command in members])
        for title, members in grouped
    ]
    return Connection(line, groups[0], groups[1:]) if groups else Connection(line)


def _host_of(grant: Grant) -> BastionHost | None:
    """The host to which Azure opened the door, also when the machine has moved to another since:
    from there nobody would get in."""
    bastion = grant.machine.bastion
    opened_to = Place.from_json(grant.place).bastion_id.lower() if grant.place else ""
    if not opened_to or (bastion and bastion.resource_key == opened_to):
        return bastion
    return BastionHost.objects.filter(resource_key=opened_to).first()
