"""The ways into a machine that can be asked for, and those that cannot, with the reason."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from django.conf import settings

from access.kinds import Offer, all_kinds, kind_named
from access.lockdowns import InForce
from access.models import Machine
from access.offers import offers_for

PORTS = {22: "SSH", 3389: "RDP", 5985: "WinRM", 5986: "WinRM", 443: "HTTPS", 5432: "PostgreSQL"}

NOTHING_SHUT = InForce(())


@dataclass(frozen=True)
class Way:
    """An offer in words. ``refusal`` empty means that it can be asked for. ``ports``: of each
    machine that it leads to; ``lengths``: the usual ones that the policy allows, in minutes;
    ``why_not``: of the policy, where it allows none as things stand."""

    kind: str
    port: int
    label: str
    refusal: str
    max_minutes: int
    for_vendor: bool
    caveat: str = ""
    ports: Mapping[int, int] = field(default_factory=dict)
    lengths: tuple[int, ...] = ()
    why_not: str = ""

    @property
    def value(self) -> str:
        """What the form sends: ``window:22``."""
        return f"{self.kind}:{self.port}"

    @property
    def page(self) -> str:
        """The name of the page on which it is asked for."""
        return page_asking_for(self.kind)

    @property
    def hint(self) -> str:
        if self.for_vendor:
            return "For somebody without an account here. The page opens in their browser."
        return "For you, through Bastion, with your own account on the machine."


def ways_into(machine: Machine, shut: InForce = NOTHING_SHUT) -> list[Way]:
    """``shut``: what is closed in an incident, where nothing can be asked for. Read it once for
    however many machines; left out, the ways are those of quiet times."""
    why = shut.reason_shut(machine)
    offers = [replace(offer, refusal=why or offer.refusal) for offer in offers_for(machine)]
    return [_way(machine, offer) for offer in offers]


def possible(ways: Iterable[Way]) -> list[Way]:
    return [way for way in ways if not way.refusal]


def label_of(kind: str, port: int) -> str:
    """``Port window 22 (SSH)``; a kind that was removed since is called by its name."""
    found = all_kinds().get(kind)
    return f"{found.label if found else kind} {port_words(port)}"


def port_words(port: int) -> str:
    """``22 (SSH)``."""
    return f"{port} ({PORTS[port]})" if port in PORTS else str(port)


def page_asking_for(kind: str) -> str:
    found = all_kinds().get(kind)
    return found.asks_at if found else "request-new"


def is_for_vendor(kind: str) -> bool:
    found = all_kinds().get(kind)
    return bool(found and found.exclusive)


def _way(machine: Machine, offer: Offer) -> Way:
    return Way(
        kind=offer.kind,
        port=offer.port,
        label=label_of(offer.kind, offer.port),
        refusal=offer.refusal,
        max_minutes=min(offer.max_minutes, settings.ACCESS_MAX_MINUTES),
        for_vendor=is_for_vendor(offer.kind),
        caveat="" if offer.refusal else kind_named(offer.kind).caveat(machine, offer.port),
        ports={machine.pk: offer.port},
    )
