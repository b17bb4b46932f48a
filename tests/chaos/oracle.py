"""The judge: simulated Azure's record against what people approved and what the ledger says.

I1 no door without a grant that allows it; I2 none past its end for longer than promised; I3 none
but as approved; I4 none opened twice for the same; I5 record and ledger say the same, both ways;
I6 the ledger's chain holds; I7 nothing is on its way once it was calm for five minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from access import ledger
from access.models import Gate, Grant, LedgerEntry
from access.states import GrantState
from tests.chaos.judging import (
    SLACK,
    end_in_azure,
    is_write,
    names,
    pairs,
    seconds,
    shut_by_us,
    was_approved,
    words,
)
from tests.chaos.record import CLOSER, OPENER, SECOND, Opening, Record, Row, at

if TYPE_CHECKING:
    from tests.chaos.run import Run

IN_CALM = timedelta(seconds=15)  # after an end that comes while nothing goes wrong
RECOVERED = timedelta(seconds=90)  # after all that went wrong is over
NOTICED = timedelta(seconds=60)  # a lost role, by the slow look at doors that are simply open
STRAY = timedelta(minutes=6)  # what a stopped worker sends once it wakes: the audit removes it


@dataclass
class Verdict:
    violations: list[str] = field(default_factory=list)
    openings: int = 0
    worst: float = 0.0  # seconds past an end that came while it was calm
    worst_after: float = 0.0  # seconds past recovery
    strays: int = 0  # opened by a call that a stopped worker had begun, and removed again
    lies: int = 0  # called closed on the word of a list that Azure had torn


def judge(run: Run) -> Verdict:
    """Reads the whole record. Called when it has been calm."""
    record = Record(run.azure.record())
    judged = Case(run, record)
    judged.hear()
    return judged.verdict


class Case:
    def __init__(self, run: Run, record: Record) -> None:
        self.run, self.record, self.verdict = run, record, Verdict()
        self.openings = record.openings
        related = ("access_request__requester", "machine__bastion", "gate", "end_order")
        self.grants = list(Grant.objects.select_related(*related).order_by("pk"))
        self.lines = list(LedgerEntry.objects.order_by("seq"))

    def hear(self) -> None:
        for each in self.openings:
            if each.ours:
                self.verdict.openings += 1
                self._allowed(each)
        self._opened_once()
        self._told()
        self._chain()
        self._at_rest()

    def wrong(self, invariant: str, *words: object) -> None:
        self.verdict.violations.append(f"{invariant}: " + " ".join(map(str, words)))

    # I1, I2, I3

    def _allowed(self, each: Opening) -> None:
        holders = [g for g in self._holders(each) if g.starts_at - SLACK <= each.since]
        mine = [g for g in holders if each.since <= self.deadline(g) + SLACK]
        if not mine:
            self._nobodys(each)
            return
        self._ended(each, mine)
        if not any(self._as_approved(each, grant) for grant in mine):
            self.wrong("I3", each, "is not what was approved for", *map(words, mine))

    def _holders(self, each: Opening) -> list[Grant]:
        return [
            g for g in self.grants
            if g.kind == each.kind and g.machine.resource_key == each.machine
            and each.port in {0, g.port}
        ]  # fmt: skip

    def _ended(self, each: Opening, mine: list[Grant]) -> None:
        """A shared or lengthened door lasts for those who hold it in turn. Between two of them it
        may be late, like at the end."""
        end = max(self.deadline(g) for g in mine)
        for grant in sorted(self._holders(each), key=lambda g: g.starts_at):
            held = grant.asked_at or grant.opened_at  # only the latter: another had it opened
            if grant.kind != "window" or grant.starts_at > each.until or not held:
                continue
            if grant.starts_at > end + SLACK:
                self._late(each, end, min(each.until, grant.opened_at or grant.asked_at))
            end = max(end, self.deadline(grant))
        self._late(each, end, each.until)

    def deadline(self, grant: Grant) -> datetime:
        order = getattr(grant, "end_order", None)
        end = min(grant.ends_at, order.at) if order else grant.ends_at
        for person, since, until in self.run.role_gaps():
            mine = person == grant.access_request.requester_id and until > grant.starts_at
            if mine and since < grant.ends_at and self._noticeable(grant, since, until):
                end = min(end, max(since, grant.starts_at) + NOTICED)
        return end

    def _noticeable(self, grant: Grant, since: datetime, until: datetime) -> bool:
        """It was calm for long enough while the role was away."""
        since = max(since, grant.starts_at)
        return any(
            max(c.begins, since) + NOTICED + RECOVERED < min(c.ends, until) for c in self.run.calms
        )

    def _nobodys(self, each: Opening) -> None:
        """Only the call of a worker that was stopped while sending it, and not for long."""
        woke = self._by_a_stopped_worker(each)
        base = self._recovery(each.since) if woke else each.since
        if woke and each.until <= base + STRAY:
            self.verdict.strays += 1
        else:
            self.wrong("I1", "nobody was allowed", each)

    def _late(self, each: Opening, end: datetime, until: datetime) -> None:
        if until <= end or end >= self.run.clock.now():
            return
        recovered = self._recovery(end)
        late, after = seconds(until - end), seconds(until - max(recovered, end))
        self.verdict.worst_after = max(self.verdict.worst_after, after)
        most = RECOVERED
        if self._long_calm(end):
            most, self.verdict.worst = IN_CALM, max(self.verdict.worst, late)
        if until > max(end, recovered) + most:
            self.wrong("I2", each, f"was due at {end:%H:%M:%S}, {late:.1f} s before")

    def _recovery(self, moment: datetime) -> datetime:
        """When it was calm, from then on."""
        for calm in self.run.calms:
            if max(moment, calm.begins) <= calm.ends - RECOVERED:
                return max(moment, calm.begins)
        return moment

    def _long_calm(self, moment: datetime) -> bool:
        return any(c.begins + RECOVERED < moment < c.ends - IN_CALM for c in self.run.calms)

    def _as_approved(self, each: Opening, grant: Grant) -> bool:
        asked = grant.access_request
        if each.kind == "window":
            prefix = grant.machine.bastion.subnet_prefix if grant.machine.bastion else ""
            last = max(g.ends_at for g in self._holders(each))
            if each.source != prefix or (each.lasts_until or last) > last + SLACK:
                return False
        elif each.host != grant.gate.resource_key:
            return False
        return was_approved(asked, before=each.since)

    # I4

    def _opened_once(self) -> None:
        """A second time only when the first was shut by somebody else, or for a later end."""
        ours = [each for each in self.openings if each.ours]
        for first, second in pairs(ours):
            both = first.stood(second.since)
            longer = end_in_azure(second) - end_in_azure(first) > SLACK
            if both and not longer and self._for_the_same(first, second):
                if self._by_a_stopped_worker(second):
                    self.verdict.strays += 1  # it ends when the other does
                    continue
                self.wrong("I4", second, "was opened while", first, "stood")
            elif not both and self._for_the_same(first, second) and shut_by_us(first):
                self.wrong("I4", second, "was opened again after", first)

    def _for_the_same(self, first: Opening, second: Opening) -> bool:
        """One grant, and only one, was there for both."""
        one = {g.pk for g in self._holders(first) if self._held(g, self._asked(first))}
        two = {g.pk for g in self._holders(second) if self._held(g, self._asked(second))}
        return len(one | two) == 1 and one == two

    def _by_a_stopped_worker(self, each: Opening) -> bool:
        """Stopped between its last look at its lease and the call, which nobody can prevent."""
        return any(timedelta(0) <= each.since - woke < 5 * SLACK for woke in self.run.woke_late)

    def _asked(self, each: Opening) -> datetime:
        return at(self.record.rows[each.call - 1])

    def _held(self, grant: Grant, moment: datetime) -> bool:
        return grant.starts_at - SLACK <= moment <= self.deadline(grant)

    # I5

    def _told(self) -> None:
        told = {
            call.get("client_request_id"): call
            for line in self.lines for call in line.data.get("calls", [])
        }  # fmt: skip
        calls = self.record.calls(OPENER, CLOSER, SECOND)
        known = {row["client_request_id"] for row in calls}
        for row in calls:
            if self.record.effects_of(row) and row["client_request_id"] not in told:
                self._untold(row)
        for key, call in told.items():
            if call.get("status") and key not in known and is_write(call):
                self.wrong("I5", "the ledger tells of a call that Azure never had:", call)
        for line in self.lines:
            self._true(line)
        begun = {line.data["grant"] for line in self.lines if line.event == "grant.opening"}
        for each in self.openings:
            holders = {g.pk for g in self._holders(each)}
            if each.ours and not holders & begun:
                self.wrong("I5", each, "was opened and the ledger does not say for whom")

    def _untold(self, row: Row) -> None:
        if row["client_request_id"] in self.run.cut_off or self._still_the_same_problem(row):
            return
        self.wrong("I5", "the ledger does not tell of", row["operation"], row["seq"], row["at"])

    def _still_the_same_problem(self, row: Row) -> bool:
        """An outage is told of once, when it begins, and its calls are not repeated."""
        return row["fault"] is not None

    def _true(self, line: LedgerEntry) -> None:
        if line.event not in {"grant.opened", "grant.closed"} or "grant" not in line.data:
            return
        grant = next(g for g in self.grants if g.pk == line.data["grant"])
        doors = [o for o in self.openings if o in self._doors(grant)]
        if line.event == "grant.opened":
            if not any(o.since <= line.at and line.at < o.until + SLACK for o in doors):
                self.wrong("I5", f"grant {grant.pk} is said to be open and nothing was")
        elif not line.data.get("others_still_hold_it"):
            standing = [o for o in doors if o.ours and o.since < line.at - SLACK < o.until - SLACK]
            for each in standing:
                if not self._is_anothers(each, grant, line.at):
                    self.wrong(
                        "I5", f"grant {grant.pk} was called closed at {line.at:%H:%M:%S}:", each
                    )

    def _doors(self, grant: Grant) -> list[Opening]:
        return [o for o in self.openings if grant in self._holders(o)]

    def _is_anothers(self, each: Opening, grant: Grant, moment: datetime) -> bool:
        return any(
            g.pk != grant.pk and g.starts_at <= moment and (g.asked_at or g.opened_at)
            and (g.closed_at is None or g.closed_at > moment)
            for g in self._holders(each)
        )  # fmt: skip

    # I6, I7

    def _chain(self) -> None:
        lines, broken = ledger.verify()
        if broken is not None:
            self.wrong("I6", "the ledger does not hold:", broken, "of", lines)

    def _at_rest(self) -> None:
        for grant in self.grants:
            if grant.state in {GrantState.OPENING, GrantState.CLOSING}:
                self.wrong("I7", f"grant {grant.pk} is still {grant.state}:", *_rest(grant))
        old = self.run.clock.now() - STRAY  # one that ran out is free; the audit clears it away
        for gate in Gate.objects.filter(lease_token__isnull=False, lease_until__lt=old):
            self.wrong("I7", f"gate {gate.pk} hangs on a lease")
        for fault in self.run.faults:
            self.wrong("I7", "a worker broke down:", repr(fault))
        state = self.run.azure.state()
        live = [g for g in self.grants if g.state == GrantState.OPEN]
        ours = [row for row in state["sessions"] if self._came_by_us(row)]
        if ours and not live:
            self.wrong("I7", "somebody is still connected:", *names(ours))

    def _came_by_us(self, session: Row) -> bool:
        """Not through a door that somebody opened by hand."""
        began = datetime.fromisoformat(session["startTime"])
        there = session["targetResourceId"].lower()
        doors = [o for o in self.openings if o.machine == there and o.stood(began)]
        return bool(doors) and all(door.ours for door in doors)


def _rest(grant: Grant) -> list[object]:
    """Why, as far as the portal knows."""
    gate, times = grant.gate, [grant.gate.lease_until, grant.gate.pause_until, grant.not_before]
    again = [f"{each:%H:%M:%S}" if each else "-" for each in [*times, gate.look_again_at]]
    return [
        grant.outstanding,
        grant.problem,
        gate.problem,
        f"until {grant.ends_at:%H:%M:%S}",
        *again,
    ]


__all__ = ["Verdict", "judge"]
