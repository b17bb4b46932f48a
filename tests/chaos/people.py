"""What people do in a run: ask, decide, end, connect, and work in Azure past everybody."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.error import HTTPError

from access import services
from access.errors import AccessError
from access.models import AccessRequest, Grant, Lockdown, Machine, Person, PersonRole, Role
from access.services import lockdowns
from access.states import WANTING, RequestState
from tests.chaos.virtual import Clock
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, submission


class People:
    """``Run`` has what they need."""

    azure: SimulatedAzure
    clock: Clock
    cast: Cast
    random: random.Random
    counts: Counter[str]
    machines: list[Machine]
    dora: Person  # another administrator
    carl: Person  # another approver
    lost_roles: list[list[Any]]

    def say(self, *words: object) -> None:
        raise NotImplementedError

    def try_to(self, what: str, move: Callable[[], Any]) -> Any:
        """People may be refused; that changes nothing."""
        try:
            made = move()
        except AccessError as refused:
            self.say(what, "- refused:", refused)
            self.counts["refused"] += 1
            return None
        self.say(what)
        self.counts["operations"] += 1
        return made

    def ask(self, kind: str, machine: int, minutes: int, start: int = 0) -> None:
        where = self.machines[machine % len(self.machines)]
        who = self.random.choice([self.cast.alice, self.cast.alan])
        at = self.clock.now() + timedelta(minutes=start) if start else None
        sent = submission(where, kind=kind, minutes=minutes, start=at)
        self.try_to(
            f"{who} asks for a {kind} to {where.name} for {minutes} min in {start}",
            lambda: services.submit(sent, by=who),
        )

    def _pending(self) -> AccessRequest | None:
        waiting = list(AccessRequest.objects.filter(state=RequestState.PENDING).order_by("pk"))
        held = list(AccessRequest.objects.exclude(hold="").order_by("pk"))
        return self.random.choice(waiting + held) if waiting + held else None

    def approve(self, *, forged: bool = False) -> None:
        if (asked := self._pending()) is None:
            return
        who = self.random.choice([self.cast.bob, self.carl])
        digest = "0" * 64 if forged else asked.terms_digest
        made = self.try_to(
            f"{who} approves {asked.reference}{' as something else' if forged else ''}",
            lambda: services.approve(asked, by=who, terms_digest=digest),
        )
        if forged and made is not None:
            raise AssertionError("an approval of other terms was taken")

    def deny(self) -> None:
        if (asked := self._pending()) is None:
            return
        digest = asked.terms_digest
        self.try_to(
            f"Bob denies {asked.reference}",
            lambda: services.deny(asked, by=self.cast.bob, terms_digest=digest, comment="No"),
        )

    def withdraw(self) -> None:
        if (asked := self._pending()) is not None:
            self.try_to(
                f"{asked.reference} is withdrawn",
                lambda: services.withdraw(asked, by=asked.requester),
            )

    def _grant(self) -> Grant | None:
        live = list(Grant.objects.filter(state__in=WANTING).order_by("pk"))
        return self.random.choice(live) if live else None

    def end(self) -> None:
        if (grant := self._grant()) is None:
            return
        revoked = self.random.random() < 0.3
        by = self.cast.dana if revoked else grant.access_request.requester
        self.try_to(
            f"grant {grant.pk} is ended by {by}",
            lambda: services.end(grant, by=by, reason="Enough" if revoked else ""),
        )

    def extend(self) -> None:
        if (grant := self._grant()) is None:
            return
        asked, key = grant.access_request, uuid.UUID(int=self.random.getrandbits(128))
        self.try_to(
            f"more time is asked for {asked.reference}",
            lambda: services.extend(
                asked, minutes=30, reason="Longer", key=key, by=asked.requester
            ),
        )

    def incident(self) -> None:
        standing = Lockdown.objects.filter(lifted_at=None).order_by("pk").first()
        if standing is None:
            scope = self.random.choice(["all", "machine"])
            value = self.random.choice(self.machines).resource_key if scope == "machine" else ""
            self.try_to(
                f"everything in {scope} is shut",
                lambda: lockdowns.order(scope, value, "A stolen laptop", by=self.cast.dana),
            )
        elif standing.confirmed_at is None and self.random.random() < 0.7:
            self.try_to("it is confirmed", lambda: lockdowns.confirm(standing, by=self.dora))
        else:
            self.try_to("it is lifted", lambda: lockdowns.lift(standing, "Over", by=self.dora))

    def role(self) -> None:
        """Taken away, or given back."""
        who, role = self.random.choice(
            [(self.cast.alice, Role.ENGINEER), (self.cast.alan, Role.ENGINEER),
             (self.cast.bob, Role.APPROVER), (self.carl, Role.APPROVER)]
        )  # fmt: skip
        if PersonRole.objects.filter(person=who, role=role).delete()[0]:
            if role == Role.ENGINEER:
                self.lost_roles.append([who.pk, self.clock.now(), None])
            self.say(who, "is no", role, "any more")
        else:
            self._give_back(who, role)
        self.counts["operations"] += 1

    def roles_are_back(self) -> None:
        for who, role in ((self.cast.alice, Role.ENGINEER), (self.cast.alan, Role.ENGINEER),
                          (self.cast.bob, Role.APPROVER), (self.carl, Role.APPROVER)):  # fmt: skip
            if not PersonRole.objects.filter(person=who, role=role).exists():
                self._give_back(who, role)
        for standing in Lockdown.objects.filter(lifted_at=None):
            self.try_to("it is lifted", lambda s=standing: lockdowns.lift(s, "Over", by=self.dora))

    def _give_back(self, who: Person, role: str) -> None:
        PersonRole.objects.create(person=who, role=role)
        for gap in self.lost_roles:
            if gap[0] == who.pk and gap[2] is None and role == Role.ENGINEER:
                gap[2] = self.clock.now()
        self.say(who, "is", role, "again")

    def role_gaps(self) -> list[tuple[int, datetime, datetime]]:
        """Who was no engineer, and for how long."""
        return [(who, since, until or self.clock.now()) for who, since, until in self.lost_roles]

    def connect(self) -> None:
        """Somebody connects, where a door is open."""
        where = self.random.choice(self.machines)
        protocol = "RDP" if where.os == "windows" else "SSH"
        host = where.bastion.resource_id if where.bastion else ""
        body = {"vm": where.resource_id, "bastion": host, "protocol": protocol}
        if self.azure_may("sessions", body):
            self.counts["sessions"] += 1
            self.say("somebody connects to", where.name)

    def azure_may(self, path: str, body: Any) -> bool:
        try:
            self.azure.control("POST", path, body)
        except HTTPError:
            return False
        return True

    def by_hand(self) -> None:
        """In Azure's own portal, past everybody: a door is shut there, or one is made."""
        state = self.azure.state()
        doors: list[dict[str, Any]] = [
            {"delete_link": {"bastion": each["bastion"], "vm": each["vm"]}}
            for each in state["links"]
        ]
        doors += [{"delete_rule": each["rule_id"]} for each in state["open_windows"]]
        where = self.random.choice(self.machines)
        if where.bastion is not None:
            doors.append(
                {"add_link": {"bastion": where.bastion.resource_id, "vm": where.resource_id}}
            )
        order = self.random.choice(doors)
        if self.azure_may("hand", order):
            self.counts["by hand"] += 1
            self.say("by hand:", *order)
