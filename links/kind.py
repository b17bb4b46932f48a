"""A shareable link: lets somebody without an account reach one machine through a Bastion host.

Azure keeps one link per machine and host, without an end of its own. So a door serves one grant
at a time, and the next one gets a new link only when the former was seen to be gone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from access.errors import Receipt
from access.kinds import (
    Command,
    Door,
    DoorKey,
    Offer,
    Particulars,
    Seen,
    Session,
    Stray,
    Visit,
)
from access.models import AccessRequest, BastionHost, Gate, Grant, Machine
from access.preflight import Check
from access.sites import Site
from links import following, keeping
from links.particulars import described, settled
from links.preflight import judge
from portal.azure.checks.skus import Feature, allows, needs


class ShareableLink:
    name = "link"
    label = "Shareable link"
    asks_at = "vendor-invite"
    exclusive = True
    opens_port = False
    needs_open_port = True
    settle_seconds = 20.0  # creating and deleting took about 12 s in the recordings
    observes = 500  # one call lists all links that a host may have
    closes_unseen = True  # a deletion names the machines, and nothing that must be read first

    def offers(self, machine: Machine) -> list[Offer]:
        if not machine.in_azure:
            return []
        host = machine.bastion
        why = self._refusal(machine, host)
        gate_id = None if why or host is None else host.link_host.gate_id
        longest = settings.ACCESS_MAX_MINUTES
        return [Offer(self.name, machine.login_port, gate_id, longest, why)]

    def caveat(self, machine: Machine, port: int) -> str:  # noqa: ARG002
        return ""

    def preflight(self, site: Site, *, port: int, minutes: int | None) -> list[Check]:  # noqa: ARG002
        return judge(site, kind=self.name, port=port)

    def observe(self, gate: Gate, doors: Sequence[Door]) -> Mapping[DoorKey, Seen]:
        from links import bastion

        return bastion.observe(gate.resource_id, doors)

    def pause(self, gate: Gate, under_way: int) -> float | None:
        from links import deletions

        return deletions.pause(gate.resource_id, under_way)

    def carried_out(self, gate: Gate, doors: Sequence[Door]) -> frozenset[DoorKey]:
        from links import missing

        return missing.carried_out(gate.resource_id, doors)

    def open(self, gate: Gate, doors: Sequence[Door]) -> list[Receipt]:
        from links import bastion

        return bastion.create(gate.resource_id, doors)

    def close(self, gate: Gate, doors: Sequence[Door]) -> list[Receipt]:
        from links import bastion

        return bastion.delete(gate.resource_id, doors)

    def sessions(self, gate: Gate, doors: Sequence[Door]) -> Mapping[DoorKey, tuple[Session, ...]]:
        """The gate is the host through which the vendor came, wherever the machine is now."""
        from portal.azure.sessions import sessions_at

        return sessions_at(gate.resource_id, doors, asker=self.name)

    def disconnect(self, sessions: Sequence[Session]) -> list[Receipt]:
        from portal.azure.sessions import disconnect

        return disconnect(sessions)

    def survey(self, gate: Gate) -> list[Stray]:
        from links import bastion

        return bastion.survey(gate.resource_id)

    def remove(self, gate: Gate, strays: Sequence[Stray]) -> list[Receipt]:
        from links import bastion

        return bastion.remove(gate.resource_id, [stray.resource_id for stray in strays])

    def commands(self, visit: Visit) -> list[Command]:  # noqa: ARG002
        return []

    def particulars(self, sent: Particulars) -> dict[str, Any]:
        return settled(sent)

    def describe(self, asked: AccessRequest) -> list[tuple[str, str]]:
        return described(asked)

    def submitted(self, asked: AccessRequest) -> None:
        following.submitted(asked)

    def granted(self, asked: AccessRequest, grants: Sequence[Grant]) -> None:
        following.granted(asked, grants)

    def keep(self, seen: Sequence[tuple[Grant, Seen]]) -> None:
        keeping.keep({grant.pk: each.secret for grant, each in seen})

    def ended(self, grants: Sequence[Grant]) -> None:
        keeping.purge([grant.pk for grant in grants])

    def told(self, events: Sequence[tuple[str, Grant]]) -> None:
        following.told(events)

    def _refusal(self, machine: Machine, host: BastionHost | None) -> str:
        if host is None:
            return f"No Bastion host reaches {machine.name}: its network is not peered with one."
        if not allows(host.sku, Feature.SHAREABLE_LINKS):
            return (
                f"{host.name}, which reaches {machine.name}, is {host.sku}. For shareable links it "
                f"{needs(Feature.SHAREABLE_LINKS)}."
            )
        if not host.shareable_links or not hasattr(host, "link_host"):
            return (
                f"{host.name} is {host.sku}, but shareable links are switched off there "
                "(enableShareableLink). An administrator can allow them."
            )
        return ""
