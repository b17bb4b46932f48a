"""Who may decide a request, reckoned from people as they are now.

Somebody may decide who is active, holds the Approver role, is no guest, is named by the stage
that waits, and is not the person who asked, under whatever account. Nobody counts twice. When
nobody is left, nobody decides: administrators are told, and are not asked instead.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.db.models import Case, CharField, Q, Value, When
from django.db.models.functions import Upper

from access.errors import NotAllowed, WrongState
from access.models import (
    AccessRequest,
    Decider,
    Decision,
    DecisionVerdict,
    Deputy,
    Person,
    PersonRole,
)
from access.policy.table import TABLE, Act, has, people_with
from access.rules.judgement import Source, Stage
from access.rules.words import stage_words
from access.ruling import policy_in_force
from access.seating import first_unseated

NO_GUESTS = "Guests of another organisation do not decide here."


@dataclass(frozen=True)
class Candidate:
    """``on_behalf_of``: whose deputy the person would decide as."""

    person: Person
    on_behalf_of: Person | None = None

    @property
    def humans(self) -> tuple[Person, ...]:
        """Who speaks, and in whose place: a say that two would share is one."""
        return (self.person, self.on_behalf_of) if self.on_behalf_of else (self.person,)


@dataclass(frozen=True)
class StageNow:
    """One stage of a request as it stands. ``candidates``: who could approve it that have not."""

    index: int
    stage: Stage
    approvals: tuple[Decision, ...]
    candidates: tuple[Candidate, ...]

    @property
    def missing(self) -> int:
        return max(0, self.stage.needed - len(self.approvals))

    @property
    def done(self) -> bool:
        return self.missing == 0


class Pool:
    """Everybody who may decide anything at one moment, for however many requests: what they ask
    for is read once, and only when a stage needs it."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._members: dict[str, frozenset[str]] = {}
        self._owners: dict[str, list[Person]] = {}

    @cached_property
    def people(self) -> list[Person]:
        return list(people_with(Act.DECIDE))

    @cached_property
    def roles(self) -> dict[int, set[str]]:
        """Of all of them, by person."""
        rows = PersonRole.objects.filter(person__in=[person.pk for person in self.people])
        held: dict[int, set[str]] = {}
        for person_id, role in rows.values_list("person_id", "role"):
            held.setdefault(person_id, set()).add(role)
        return held

    @cached_property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        return policy_in_force().policy.groups

    @cached_property
    def deputies(self) -> list[tuple[Person, Person]]:
        """(who is stood in for, who stands in) of the periods that run."""
        by_id = {person.pk: person for person in self.people}
        rows = Deputy.objects.filter(
            Q(ended_at__isnull=True) | Q(ended_at__gt=self.now),
            starts_at__lte=self.now,
            ends_at__gt=self.now,
        ).order_by("pk")
        pairs = [(by_id.get(row.approver_id), by_id.get(row.deputy_id)) for row in rows]
        return [(one, other) for one, other in pairs if one and other]

    def for_sources(
        self,
        sources: Iterable[Source],
        requester: Person,
        heard: Iterable[Person] = (),
        vendor_mail: str = "",
    ) -> list[Candidate]:
        """In the order of names; deputies after those whom the stage names itself. ``heard``: who
        has spoken, and in whose place: neither they nor their deputies speak again. Whom the
        vendor's address is of would let themselves in, and is left out."""
        wanted, out = tuple(sources), (requester, *heard)
        named = [
            person
            for person in self.people
            if any(self.is_named(person, source, requester) for source in wanted)
            and not _is_any(person, out)
        ]
        found = {person.pk: Candidate(person) for person in named}
        ids = set(found)
        for approver, deputy in self.deputies:
            if approver.pk in ids and not _is_any(deputy, out):
                found.setdefault(deputy.pk, Candidate(deputy, approver))
        return [each for each in found.values() if not self.is_vendor(each.person, vendor_mail)]

    def is_vendor(self, person: Person, mail: str) -> bool:
        """Whether a vendor's address is theirs, under whatever account."""
        mail = _folded(mail)
        if mail and mail not in self._owners:
            self._owners[mail] = list(Person.objects.filter(mail__iexact=mail))
        return bool(mail) and _is_any(person, self._owners[mail])

    def read_owners(self, mails: Iterable[str]) -> None:
        """Whose these addresses are, for ``is_vendor``: in one query, however many there are."""
        # Two plain addresses are two to the database as well. Others are asked for one by one.
        wanted = {m for m in map(_folded, mails) if m and m.isascii()} - self._owners.keys()
        if not wanted:
            return
        self._owners |= {mail: [] for mail in wanted}
        which = [When(mail__iexact=mail, then=Value(mail)) for mail in wanted]
        rows = Person.objects.alias(upper=Upper("mail")).filter(
            upper__in=[Upper(Value(mail)) for mail in wanted]
        )
        for person in rows.annotate(asked=Case(*which, output_field=CharField())):
            self._owners[person.asked].append(person)

    def is_named(self, person: Person, source: Source, requester: Person) -> bool:
        if source.kind == "role":
            by_all = TABLE[Act.DECIDE].roles == {source.name}
            return by_all or source.name in self.roles.get(person.pk, ())
        if source.kind in ("group", "owner"):
            return not self._members_of(source.name).isdisjoint(_names_of(person))
        if source.kind == "person":
            return source.name.casefold() in _names_of(person)
        return source.kind == "manager" and requester.manager_id == person.pk

    def _members_of(self, group: str) -> frozenset[str]:
        if group not in self._members:
            names = self.groups.get(group, ())
            self._members[group] = frozenset(name.casefold() for name in names)
        return self._members[group]


def stages_now(access_request: AccessRequest, pool: Pool) -> list[StageNow]:
    """Needs the requester loaded. One query for the decisions unless they were prefetched."""
    given = counted(standing_approvals(access_request))
    heard = [human for decision in given for human in _humans_of(decision)]
    found = []
    for index, stage in enumerate(access_request.judgement.stages):
        mine = tuple(d for d in given if d.stage == index)
        sources = sources_of(access_request, index, stage)
        mail = access_request.vendor_mail
        left = pool.for_sources(sources, access_request.requester, heard, mail)
        found.append(StageNow(index, stage, mine, tuple(left)))
    return found


def sources_of(access_request: AccessRequest, index: int, stage: Stage) -> tuple[Source, ...]:
    """A stage that has waited too long may be decided by more people."""
    escalated = index == access_request.stage and access_request.escalated_at is not None
    return stage.sources + stage.escalate_to if escalated else stage.sources


def standing_approvals(access_request: AccessRequest) -> list[Decision]:
    """Of the present revision and its very terms, not dismissed, the oldest first. No query where
    the decisions were prefetched, with those who made them."""
    kept = getattr(access_request, "_prefetched_objects_cache", {})
    rows = access_request.decisions.all()
    if "decisions" not in kept:
        rows = rows.select_related("by", "on_behalf_of")
    found = [
        decision
        for decision in rows
        if decision.revision == access_request.revision
        and decision.verdict == DecisionVerdict.APPROVE
        and decision.dismissed_at is None
        and decision.terms_digest == access_request.terms_digest
    ]
    return sorted(found, key=lambda decision: decision.pk)


def counted(approvals: Iterable[Decision]) -> list[Decision]:
    """Each human being once, also who was stood in for. That two accounts are one person's may
    become known only after both have approved."""
    found: list[Decision] = []
    heard: list[Person] = []
    for decision in approvals:
        if not any(_is_any(human, heard) for human in _humans_of(decision)):
            found.append(decision)
            heard += _humans_of(decision)
    return found


def candidate_for(access_request: AccessRequest, by: Person, pool: Pool) -> Candidate:
    """As whom the person may decide it now. Raises ``NotAllowed`` with the plainest reason first,
    or ``WrongState`` for who has already said yes."""
    _check_person(access_request, by, pool)
    stages = stages_now(access_request, pool)
    _check_not_heard(by, [given for stage in stages for given in stage.approvals])
    if access_request.stage < len(stages):
        for candidate in stages[access_request.stage].candidates:
            if candidate.person.pk == by.pk:
                return candidate
    raise NotAllowed("The policy names other people to decide this, at least at this stage.")


def may_decide(access_request: AccessRequest, person: Person, stages: list[StageNow]) -> bool:
    """Like ``candidate_for`` for a page that has the stages already."""
    if not access_request.is_undecided or access_request.stage >= len(stages):
        return False
    waiting = stages[access_request.stage]
    return any(candidate.person.pk == person.pk for candidate in waiting.candidates)


def why_blocked(access_request: AccessRequest, stages: list[StageNow]) -> str:
    """Empty while enough different people are left for every stage that is still to come."""
    if not stages:
        return "The policy names nobody who could approve this."
    return why_short(stages[access_request.stage :])


def why_short(stages: list[StageNow]) -> str:
    """Empty when enough different people are there for all of these stages together."""
    seats = [(stage, n) for stage in stages for n in range(stage.missing)]
    left = first_unseated([stage.candidates for stage, _ in seats])
    if left is not None:
        return f"No eligible approver is left for {label_of(seats[left][0])}."
    return ""


def label_of(stage: StageNow) -> str:
    return stage_words(stage.stage)


def reckon(access_request: AccessRequest, pool: Pool) -> list[StageNow]:
    """Write down who could decide it now, for lists and notices; call inside a transaction.

    Sets ``blocked`` on the row too. Returns the stages as they stand.
    """
    stages, wanted, blocked = _reckoned(access_request, pool)
    known = dict(access_request.deciders.values_list("person_id", "pk"))
    gone = [pk for person_id, pk in known.items() if person_id not in wanted]
    if gone:
        Decider.objects.filter(pk__in=gone).delete()
    new = [c for person_id, c in wanted.items() if person_id not in known]
    Decider.objects.bulk_create(
        [
            Decider(access_request=access_request, person=c.person, on_behalf_of=c.on_behalf_of)
            for c in new
        ],
        ignore_conflicts=True,
    )
    if blocked != access_request.blocked:
        access_request.blocked = blocked
        access_request.save(update_fields=["blocked"])
    return stages


def is_reckoned(access_request: AccessRequest, pool: Pool) -> bool:
    """Whether ``reckon`` would change nothing. No query where the requester, the decisions with
    those who made them, and the deciders were read with it."""
    _, wanted, blocked = _reckoned(access_request, pool)
    known = {row.person_id for row in access_request.deciders.all()}
    return known == wanted.keys() and blocked == access_request.blocked


def _reckoned(
    access_request: AccessRequest, pool: Pool
) -> tuple[list[StageNow], dict[int, Candidate], str]:
    """The stages as they stand, who could decide the one that waits, and why nobody could."""
    if not access_request.is_undecided:
        return [], {}, ""
    stages = stages_now(access_request, pool)
    waiting = stages[access_request.stage] if access_request.stage < len(stages) else None
    wanted = {c.person.pk: c for c in waiting.candidates} if waiting else {}
    return stages, wanted, why_blocked(access_request, stages)


def _check_person(access_request: AccessRequest, by: Person, pool: Pool) -> None:
    requester = access_request.requester
    if requester.pk == by.pk:
        raise NotAllowed("Nobody decides their own request. Another approver must.")
    if by.is_same_human(requester):
        raise NotAllowed("This is your own request under another account. Another approver must.")
    if not has(by, Act.DECIDE):
        raise NotAllowed(_why_not(by))
    if pool.is_vendor(by, access_request.vendor_mail):
        raise NotAllowed("This would let yourself in. Another approver must decide it.")


def _why_not(by: Person) -> str:
    if by.is_application or by.scopes is not None:
        return "No program decides, and no token. A person must, signed in on the pages."
    return NO_GUESTS if by.is_guest else "Deciding needs the Approver role."


def _check_not_heard(by: Person, given: Iterable[Decision]) -> None:
    for decision in given:
        if by.is_same_human(decision.by):
            raise WrongState("You have already approved this. Somebody else must, too.")
        if decision.on_behalf_of and by.is_same_human(decision.on_behalf_of):
            who = decision.by.display_name
            raise WrongState(f"{who} has approved this in your place. Somebody else must, too.")


def _humans_of(decision: Decision) -> tuple[Person, ...]:
    return Candidate(decision.by, decision.on_behalf_of).humans


def _is_any(person: Person, others: Iterable[Person]) -> bool:
    return any(person.is_same_human(other) for other in others)


def _names_of(person: Person) -> set[str]:
    """What a policy may call them."""
    return {person.object_id.casefold(), person.identity.casefold()}


def _folded(mail: str) -> str:
    return mail.strip().casefold()
