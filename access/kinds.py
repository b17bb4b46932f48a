"""The protocol that a kind of access answers, and the registry of the kinds in use.

A kind works on batches through one gate: it *observes* what Azure really holds, and *opens* and
*closes* doors in as few calls as Azure allows. It never decides and never writes a grant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from access.errors import Receipt
from access.models import AccessRequest, BastionHost, Gate, Grant, Machine, Person
from access.preflight import Check
from access.sites import Site

DoorKey = tuple[int, int]  # (machine id, port)
SHUTTING = 3.5  # looks' worth of time that Azure needs at least to carry out a close
PORT_OF = {"ssh": 22, "rdp": 3389}  # where a protocol's sessions arrive unless told otherwise


def serves(port: int, protocol: str) -> bool:
    """Whether a session of that protocol may have come through the port: of a custom one the
    protocol says nothing."""
    return port not in PORT_OF.values() or PORT_OF.get(protocol, port) == port


@dataclass(frozen=True)
class Offer:
    """What a kind can do for one machine. ``refusal`` is empty, or says why not and what helps."""

    kind: str
    port: int
    gate_id: int | None
    max_minutes: int
    refusal: str = ""


@dataclass(frozen=True)
class Place:
    """Where a door is, as it was when it was opened: what must be found again to shut it."""

    source: str = ""  # the Bastion subnet's prefix
    address: str = ""  # the machine's private address
    nsg_ids: tuple[str, ...] = ()
    bastion_id: str = ""

    @classmethod
    def of(cls, machine: Machine) -> "Place":
        host = machine.bastion
        return cls(
            source=host.subnet_prefix if host else "",
            address=machine.private_ip or "",
            nsg_ids=tuple(machine.nsg_ids),
            bastion_id=host.resource_id if host else "",
        )

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Place":
        return cls(**{**kept, "nsg_ids": tuple(kept["nsg_ids"])})

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "nsg_ids": list(self.nsg_ids)}


@dataclass(frozen=True)
class Door:
    """One port of one machine, as the engine wants it.

    ``until`` is the latest end of the grants that want it open, ``None`` when nobody does.
    ``on_behalf`` names people and request references; Azure keeps it where it has a field.
    ``sent_at``: when Azure was last asked to shut it, by the database's clock; ``None`` when it
    was not since its end.
    ``places`` are those of its grants, the newest last: more than one after a move in Azure.
    """

    machine: Machine
    port: int
    places: tuple[Place, ...] = ()
    until: datetime | None = None
    on_behalf: str = ""
    ending: bool = False  # sessions matter: someone's time on this door is over
    stood: bool = False  # it was seen open, and is wanted open
    sent_at: datetime | None = None
    over_at: datetime | None = None  # the latest end of those whose time on it is over
    shut_at: datetime | None = None  # when Azure first showed it shut, to all whose time is over
    shown: bool = False  # Azure showed it open for each, since it was last asked to open it
    in_vain: int = 0  # attempts to shut it, one after another
    erred: int = 0  # times that Azure broke down on shutting it alone

    @property
    def place(self) -> Place:
        return self.places[-1] if self.places else Place.of(self.machine)

    @property
    def key(self) -> DoorKey:
        return (self.machine.pk, self.port)


@dataclass(frozen=True)
class Session:
    """A live Bastion session, as the host reports it."""

    session_id: str
    bastion_id: str
    user_name: str
    protocol: str  # "ssh" or "rdp"
    since: str


@dataclass(frozen=True)
class Seen:
    """What Azure holds for one door. ``until`` is ``None`` where Azure sets no end itself.

    ``unknown`` says why this door could not be read, while others could: it is left as it is.
    ``sessions`` is ``None`` as long as nobody has asked who is connected. ``doubtful``: Azure shows
    it shut and nothing bears that out, so it may stand all the same.
    """

    open: bool
    until: datetime | None = None
    renews_at: datetime | None = None  # Azure's own end cannot reach ours yet: ask again then
    settling: bool = False  # Azure is still at work on an earlier call
    failed: str = ""  # Azure says that it will not open it, and why
    unknown: str = ""
    doubtful: bool = False
    sessions: tuple[Session, ...] | None = None
    sessions_problem: str = ""  # why they could not be read
    detail: Mapping[str, Any] = field(default_factory=dict)  # for the ledger; no secrets
    secret: str = field(default="", repr=False, compare=False)  # for the kind's own ``keep`` alone


@dataclass(frozen=True)
class Stray:
    """Something that is open in Azure, whoever opened it. ``detail`` is for people and for the
    kind itself, which removes by it; no secrets."""

    resource_id: str  # of the machine
    port: int = 0  # 0 where Azure names none
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, int]:
        return (self.resource_id.lower(), self.port)


@dataclass(frozen=True)
class Wishes:
    """What people may change in the commands: their name on the machine, and where a tunnel ends
    on their own device. What is empty is left to the kind."""

    user_name: str = ""
    local_port: int | None = None


@dataclass(frozen=True)
class Visit:
    """What somebody wants to reach through an open door. ``host`` is the one it was opened to."""

    machine: Machine
    host: BastionHost | None
    port: int
    until: datetime
    wishes: Wishes = Wishes()


@dataclass(frozen=True)
class Command:
    """One way to connect, or one step of it. The first of several is the one to recommend; those
    of a ``group``, a need in words, are shown together and in their order.

    ``text`` is ready to paste into a shell; or a whole script, which then has the ``filename`` to
    be saved under; or an address that opens in a browser. The ``language`` tells which.
    """

    title: str
    text: str
    note: str = ""
    group: str = ""
    language: str = "shell"  # or "bash", "powershell": scripts; or "address"
    filename: str = ""


@dataclass(frozen=True)
class Particulars:
    """What a kind wants to be told beside machine, length and reason, as somebody typed it."""

    by: Person
    machines: Sequence[Machine]
    now: datetime
    vendor_name: str = ""
    vendor_company: str = ""
    vendor_mail: str = ""
    told: Mapping[str, Any] = field(default_factory=dict)


class Kind(Protocol):
    """All that speaks to Azure may raise ``Later`` or ``Never`` and nothing else.

    ``settle_seconds``: how long a call may still take effect, so that it is not sent twice and
    nothing is called closed before it. ``exclusive``: a door serves one grant at a time.
    ``observes``: how many doors one ``observe`` reads within a fraction of a lease.
    ``closes_unseen``: what is known to be open is shut without asking once more.
    """

    name: str
    label: str  # "Port window"
    asks_at: str  # the name of the page on which it is asked for
    exclusive: bool
    opens_port: bool  # makes the machine's port reachable from the Bastion
    needs_open_port: bool  # is useless while the port is shut
    settle_seconds: float
    observes: int
    closes_unseen: bool

    def offers(self, machine: Machine) -> list[Offer]: ...

    def caveat(self, machine: Machine, port: int) -> str:
        """What people must know before they rely on it; empty where there is nothing."""
        ...

    def preflight(self, site: Site, *, port: int, minutes: int | None) -> list[Check]:
        """Judges what is stored. ``minutes``: ``None`` where no length need fit."""
        ...

    def observe(self, gate: Gate, doors: Sequence[Door]) -> Mapping[DoorKey, Seen]: ...

    def pause(self, gate: Gate, under_way: int) -> float | None:
        """Seconds for which no look will show anything new of the ``under_way`` doors that Azure
        is shutting; ``None`` where that is not known, or something is to be seen. A hint: it puts
        off looks, and nothing is decided by it."""
        ...

    def carried_out(self, gate: Gate, doors: Sequence[Door]) -> frozenset[DoorKey]:
        """Of doors that Azure was asked to shut, those that it is not at work on any more, whatever
        came of it. Asks nobody: a hint for how much it takes besides."""
        ...

    def open(self, gate: Gate, doors: Sequence[Door]) -> list[Receipt]: ...

    def close(self, gate: Gate, doors: Sequence[Door]) -> list[Receipt]: ...

    def sessions(self, gate: Gate, doors: Sequence[Door]) -> Mapping[DoorKey, tuple[Session, ...]]:
        """Who is connected, of those doors of which Azure has told by now: it takes its time for
        the list, and no worker waits for it."""
        ...

    def disconnect(self, sessions: Sequence[Session]) -> list[Receipt]: ...

    def survey(self, gate: Gate) -> list[Stray]: ...

    def remove(self, gate: Gate, strays: Sequence[Stray]) -> list[Receipt]: ...

    def commands(self, visit: Visit) -> list[Command]: ...

    def particulars(self, sent: Particulars) -> dict[str, Any]:
        """Judged and put in order, as the request keeps them in ``details``: plain JSON, part of
        its terms, no secrets. May write nothing. Raises ``Invalid``."""
        ...

    def describe(self, asked: AccessRequest) -> list[tuple[str, str]]:
        """(label, text) of each of them, for who decides: all that was kept, nothing else."""
        ...

    # What follows is called inside the core's own transaction, so that what the kind writes down
    # stands or falls with it. None may call Azure, lock a machine, a gate or a grant, or fail for
    # what can wait.

    def submitted(self, asked: AccessRequest) -> None:
        """It was sent, and its ledger line comes next."""
        ...

    def granted(self, asked: AccessRequest, grants: Sequence[Grant]) -> None:
        """It was approved. ``grants`` is empty where it is for more time of what it extends, and
        where its approval was held and is given anew."""
        ...

    # The engine calls these under the lock of the grants' gate, each in a savepoint of its own: a
    # kind that fails at one is told of, and holds up neither what is closed nor what is opened.
    # However many grants there are, each asks the database a handful of questions.

    def keep(self, seen: Sequence[tuple[Grant, Seen]]) -> None:
        """These are open, and were seen so now or again, each with a ``secret``: all of one look
        at once. Safe to repeat."""
        ...

    def ended(self, grants: Sequence[Grant]) -> None:
        """Whatever lets anybody in is to be forgotten. From here on closing is owed; and again when
        it is done, whatever came between."""
        ...

    def told(self, events: Sequence[tuple[str, Grant]]) -> None:
        """``grant.opened`` or ``grant.closed``, as Azure showed it: once for each, and in the order
        of their requests, which may be locked here. Where it fails for all of a look, it is called
        again for each alone."""
        ...


class Unconcerned:
    """The part of ``Kind`` that most kinds have no use for: to be inherited."""

    asks_at = "request-new"
    closes_unseen = False

    def pause(self, gate: Gate, under_way: int) -> float | None:  # noqa: ARG002
        return None

    def carried_out(self, gate: Gate, doors: Sequence[Door]) -> frozenset[DoorKey]:  # noqa: ARG002
        return frozenset()

    def particulars(self, sent: Particulars) -> dict[str, Any]:  # noqa: ARG002
        return {}

    def describe(self, asked: AccessRequest) -> list[tuple[str, str]]:  # noqa: ARG002
        return []

    def submitted(self, asked: AccessRequest) -> None:
        """Nothing further is kept."""

    def granted(self, asked: AccessRequest, grants: Sequence[Grant]) -> None:
        """Nobody else is told."""

    def keep(self, seen: Sequence[tuple[Grant, Seen]]) -> None:
        """Nothing was seen that must be kept."""

    def ended(self, grants: Sequence[Grant]) -> None:
        """Nothing was kept that must be forgotten."""

    def told(self, events: Sequence[tuple[str, Grant]]) -> None:
        """Nobody else is told."""


@cache
def all_kinds() -> dict[str, Kind]:
    """The kinds named in ``settings.ACCESS_KINDS``, by name, in that order."""
    made: list[Kind] = [import_string(path)() for path in settings.ACCESS_KINDS]
    return {kind.name: kind for kind in made}


def kind_named(name: str) -> Kind:
    """Raises ``KeyError`` for a kind that this installation does not have."""
    return all_kinds()[name]
