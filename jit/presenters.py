"""A change of a JIT policy in words: what is, what will be, what became of the last orders."""

from collections.abc import Sequence
from dataclasses import dataclass

from access.presenters.moments import duration
from access.presenters.statuses import Status
from access.presenters.ways import port_words
from jit.models import PolicyOrder
from jit.orders import Plan, as_vm
from jit.wanted import Port, ports_from
from portal.azure.checks import policies
from portal.azure.checks.facts import JitPort

ORDERED = Status("blue", "clock", "Ordered")
SENT = Status("amber", "loader", "Sent, waiting for Azure")
DONE = Status("green", "circle-check", "Done")
FAILED = Status("red", "circle-x", "Not done")
ABSENT = "not guarded"


@dataclass(frozen=True)
class Change:
    """One port, before and after."""

    port: str
    before: str
    after: str

    @property
    def word(self) -> str:
        if self.before == self.after:
            return "stays"
        return {ABSENT: "is added"}.get(
            self.before, "is removed" if self.after == ABSENT else "changes"
        )


@dataclass(frozen=True)
class OrderLine:
    order: PolicyOrder
    status: Status
    changes: list[Change]


def changes_of(before: Sequence[Port], after: Sequence[Port]) -> list[Change]:
    old, new = {p[0]: p for p in before}, {p[0]: p for p in after}
    return [
        Change(port_words(number), _words(old.get(number)), _words(new.get(number)))
        for number in sorted({*old, *new})
    ]


def line_for(order: PolicyOrder) -> OrderLine:
    changes = changes_of(ports_from(order.before), ports_from(order.ports))
    return OrderLine(order, _status(order), [each for each in changes if each.word != "stays"])


def command_for(plan: Plan, ports: Sequence[Port]) -> str:
    """What makes the same change by hand, where the portal may not."""
    name = plan.policy_name
    mine = [JitPort(plan.policy_id, name, number, src, minutes) for number, src, minutes in ports]
    return policies.put_machine(plan.policy_id, as_vm(plan.machine), mine)


def _status(order: PolicyOrder) -> Status:
    if order.failed_at is not None:
        return FAILED
    if order.done_at is not None:
        return DONE
    return SENT if order.receipts else ORDERED


def _words(port: Port | None) -> str:
    if port is None:
        return ABSENT
    _, sources, minutes = port
    where = "anywhere" if "*" in sources else ", ".join(sources)
    return f"up to {duration(minutes)} from {where}"
