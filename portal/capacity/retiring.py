"""Machines that are reached past the Bastion: those with a public address, and likely jump boxes.

A jump box is one by its name or tags (``BASTION_JUMP_BOXES``, a regular expression), or because it
has a public address and the internet gets to a port that people sign in through.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Q, QuerySet, TextField
from django.db.models.fields.json import KT, KeyTextTransform
from django.db.models.functions import Cast, Lower

from access import sites
from access.models import LiveSession, Machine
from access.models.estate import OUTSIDE
from jit.preflight import as_facts
from portal.azure.checks.facts import Site
from portal.azure.checks.ids import key_of, network_of
from portal.capacity.checklist import Checklist, Seen, Subject, checklist, gone, open_to_internet

LATELY = timedelta(days=30)
MOST_NAMES = 5


@dataclass(frozen=True)
class Retiring:
    machine: Machine
    checklist: Checklist
    why: str
    address: str  # its public one; empty where there is none


@dataclass
class Usage:
    """Sessions through Bastion of the last 30 days, by machine and by network."""

    machines: dict[int, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    networks: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, machine: int, network: str, name: str, count: int) -> None:
        for users in (self.machines[machine], self.networks[network]):
            users[name] = users.get(name, 0) + count

    def seen(self, machine: Machine, site: Site, *, jump_box: bool) -> Seen:
        """To it; or to what is behind a jump box: its network, and those joined to that."""
        if users := self.machines.get(machine.pk):
            return _seen(users, to_itself=True)
        if not jump_box or site.network is None:
            return Seen()
        behind = [site.network.id, *(peering.remote for peering in site.network.peerings)]
        users = {}
        for network in map(key_of, behind):
            for name, count in self.networks.get(network, {}).items():
                users[name] = users.get(name, 0) + count
        return _seen(users, to_itself=False)


def candidates(now: datetime) -> QuerySet[Machine]:
    """One pass over the machines. Who was deleted lately is still shown, as done."""
    there = Q(gone_at__isnull=True) | Q(gone_at__gte=now - LATELY)
    named = Q(name__iregex=pattern()) | Q(words__iregex=pattern())
    address = Cast(KT("facts__public_ip"), TextField())
    rows = Machine.objects.alias(address=address, words=Cast("tags", TextField()))
    rows = rows.filter(there, named | Q(address__gt=""))
    rows = rows.exclude(resource_key__startswith=OUTSIDE)
    return rows.select_related("bastion").prefetch_related("jit_ports__gate")


def retiring(machines: Sequence[Machine], now: datetime) -> list[Retiring]:
    """In their order; a handful of queries for all of them together."""
    estate = sites.Estate()
    estate.add(machines)
    networks = _networks_of(machines)
    usage = _usage(now, [*networks, *estate.networks])
    return [_judged(machine, estate, usage) for machine in machines]


def pattern() -> str:
    return str(settings.BASTION_JUMP_BOXES)


def is_named_so(machine: Machine) -> bool:
    words = [machine.name, *map(str, machine.tags), *map(str, machine.tags.values())]
    return any(re.search(pattern(), word, re.IGNORECASE) for word in words)


def _judged(machine: Machine, estate: sites.Estate, usage: Usage) -> Retiring:
    site = _site_of(machine, estate)
    named, open_ports = is_named_so(machine), open_to_internet(site)
    interface = site.vm.interface
    address_id = interface.public_ip or "" if interface else ""
    exposed = bool(address_id and open_ports)
    if machine.gone_at is not None:
        return Retiring(machine, gone(), "It was deleted.", "")
    seen = usage.seen(machine, site, jump_box=named or exposed)
    subject = Subject(site, machine.login_port, named or exposed, seen)
    known = site.public_ips.get(key_of(address_id))
    address = known.address if known else address_id.rpartition("/")[2]
    return Retiring(machine, checklist(subject), _why(open_ports, address, named=named), address)


def _why(open_ports: Iterable[int], address: str, *, named: bool) -> str:
    said = ["It is a jump box by its name or tags."] if named else []
    if address:
        ports = " and ".join(map(str, open_ports))
        reach = f", and the internet gets to port {ports}." if ports else "."
        said.append(f"It has the public address {address}{reach}")
    return " ".join(said)


def _site_of(machine: Machine, estate: sites.Estate) -> Site:
    ports = [as_facts(port) for port in machine.jit_ports.all()]
    return Site.from_json({**estate.site_of(machine).facts, "jit_ports": ports})


def _networks_of(machines: Iterable[Machine]) -> set[str]:
    subnets = [str(machine.facts.get("subnet") or "") for machine in machines]
    return {key_of(network_of(subnet)) for subnet in subnets}


def _usage(now: datetime, networks: Iterable[str]) -> Usage:
    """One query. Only of machines in these networks, lower-cased ids."""
    wanted = set(networks)
    recent = Q(ended_at__isnull=True) | Q(ended_at__gte=now - LATELY)
    rows = LiveSession.objects.filter(recent, machine__isnull=False)
    subnet = Cast(KeyTextTransform("subnet", "machine__facts"), TextField())
    rows = rows.annotate(subnet=Lower(subnet))
    counted = rows.values("machine", "subnet", "user_name").annotate(number=Count("pk"))
    found = Usage()
    for row in counted.order_by():
        network = key_of(network_of(row["subnet"] or ""))
        if network in wanted:
            found.add(row["machine"], network, row["user_name"], row["number"])
    return found


def _seen(users: dict[str, int], *, to_itself: bool) -> Seen:
    names = sorted((name for name in users if name), key=lambda name: (-users[name], name))
    more = [f"{len(names) - MOST_NAMES} more"] if len(names) > MOST_NAMES else []
    return Seen(sum(users.values()), (*names[:MOST_NAMES], *more), to_itself)
