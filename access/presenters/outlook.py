"""What would happen to a request before it is sent: who would decide, how long that usually takes,
and what the policy asks for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from statistics import median

from access.approvers import Candidate, Pool, StageNow, label_of, why_blocked
from access.models import AccessRequest, ApprovedHow, Machine, Person
from access.presenters.asks import asks_of
from access.presenters.moments import span
from access.presenters.ways import Way
from access.rules.document import Policy
from access.rules.judgement import Asked, Judgement, Source, Stage
from access.ruling import InForce, Terms, asked_for, judge, policy_in_force

LATELY, MOST_READ, TOO_FEW = timedelta(days=30), 50, 3
MOST_HELP = 3
FEW = 2  # people whose names fit into a sentence
EVERY_APPROVER = (Source("role", "approver"),)


@dataclass(frozen=True)
class Asker:
    """``start``: the present moment for "now"."""

    person: Person
    start: datetime
    vendor_mail: str = ""


@dataclass(frozen=True)
class StageAhead:
    stage: Stage
    label: str
    people: tuple[Candidate, ...]

    @property
    def needed(self) -> int:
        return self.stage.needed

    @property
    def words(self) -> str:
        """``one of 4 people (Payments leads)``."""
        count, many = _number(self.needed), len(self.people)
        if self.stage.sources == EVERY_APPROVER:
            return f"{count} of {many} approvers" if many > 1 else f"{count} approver"
        whom = f"{count} of {many} people" if many > 1 else f"{count} person"
        return f"{whom} ({self.label})"

    @property
    def words_by_name(self) -> str:
        """Where two stages are called the same: ``one person (Owner: Payments lead)``."""
        names = ", ".join(each.person.display_name for each in self.people)
        return self.words.replace(f"({self.label})", f"({self.label}: {names})")


@dataclass(frozen=True)
class Outlook:
    """``blocked``: nobody could approve it. ``usual_wait``: empty when too little is known.
    ``helps``: where it is not allowed, what some rules would want instead."""

    judgement: Judgement
    stages: tuple[StageAhead, ...]
    blocked: str
    usual_wait: str
    helps: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        return self.judgement.allowed

    @property
    def at_once(self) -> bool:
        """A rule approves it without people."""
        return self.judgement.allowed and self.judgement.auto_approve

    @property
    def sentence(self) -> str:
        """``Needs one of 4 people (Payments leads), then one of 2 people (Security).``"""
        labels = [stage.label for stage in self.stages]
        words = (
            stage.words_by_name
            if labels.count(stage.label) > 1 and 0 < len(stage.people) <= FEW
            else stage.words
            for stage in self.stages
        )
        return f"Needs {', then '.join(words)}."

    @property
    def asks(self) -> list[str]:
        return asks_of(self.judgement)


def outlook_for(
    wanted: Sequence[tuple[Machine, int]], terms: Terms, now: datetime, *, by: InForce | None = None
) -> Outlook:
    """By the policy and the people as they are now; reckoned again when it is sent. ``by``: the
    policy in force, where it was read already."""
    using = by or policy_in_force()
    ruling = judge(wanted, terms, by=using)
    judgement = ruling.judgement
    imagined = AccessRequest(
        requester=terms.requester, policy=ruling.as_json(), vendor_mail=terms.vendor_mail
    )
    asks_people = judgement.allowed and not judgement.auto_approve
    stages = _stages(imagined, judgement, now) if asks_people else []
    return Outlook(
        judgement=judgement,
        stages=tuple(StageAhead(each.stage, label_of(each), each.candidates) for each in stages),
        blocked=why_blocked(imagined, stages) if asks_people else "",
        usual_wait=_usual_wait(judgement, now) if asks_people else "",
        helps=() if judgement.allowed else _helps(wanted, terms, using),
    )


def with_lengths(
    ways: Iterable[Way],
    machines: Sequence[Machine],
    presets: Sequence[int],
    asker: Asker,
    by: InForce,
) -> list[Way]:
    """Each way with the usual lengths that the policy allows of it, and the longest of all. Where
    it allows none, those that the way itself bears: the outlook then says what is wrong."""
    return [way if way.refusal else _judged(way, machines, presets, asker, by) for way in ways]


def _judged(
    way: Way,
    machines: Sequence[Machine],
    presets: Sequence[int],
    asker: Asker,
    using: InForce,
) -> Way:
    wanted = [(machine, way.ports[machine.pk]) for machine in machines]
    longest: dict[int, int] = {}
    why_not = ""
    for minutes in [m for m in presets if m <= way.max_minutes] + [way.max_minutes]:
        terms = Terms(way.kind, minutes, asker.start, asker.person, asker.vendor_mail)
        judgement = judge(wanted, terms, by=using).judgement
        if judgement.allowed:
            longest[minutes] = min(judgement.max_minutes, way.max_minutes)
        why_not = why_not or judgement.why_not
    most = max(longest.values(), default=way.max_minutes)
    bears = [m for m in presets if m <= most]
    lengths = [m for m in bears if not longest or (m in longest and m <= longest[m])]
    return replace(
        way, max_minutes=most, lengths=tuple(lengths), why_not="" if longest else why_not
    )


def _stages(imagined: AccessRequest, judgement: Judgement, now: datetime) -> list[StageNow]:
    pool = Pool(now)
    found = []
    for index, stage in enumerate(judgement.stages):
        mail = imagined.vendor_mail
        able = pool.for_sources(stage.sources, imagined.requester, vendor_mail=mail)
        found.append(StageNow(index, stage, (), tuple(able)))
    return found


def _helps(wanted: Sequence[tuple[Machine, int]], terms: Terms, using: InForce) -> tuple[str, ...]:
    """What keeps rules that allow something from applying, each once. Nothing where a rule that
    does apply says no: then its own words are the answer."""
    found = (
        words
        for machine, port in wanted
        for words in _failures(using.policy, asked_for(using.policy, machine, port, terms))
    )
    return tuple(islice(dict.fromkeys(found), MOST_HELP))


def _failures(policy: Policy, asked: Asked) -> list[str]:
    explained = policy.explain(asked)
    if any(matches for _, matches, _ in explained):
        return []
    allowing = {rule.name for rule in policy.rules if rule.verdict.allowed}
    return [f"“{name}” does not apply: {why}" for name, _, why in explained if name in allowing]


def _usual_wait(judgement: Judgement, now: datetime) -> str:
    """The median of what such requests waited lately."""
    rows = AccessRequest.objects.filter(
        approved_how=ApprovedHow.PEOPLE,
        decided_at__gte=now - LATELY,
        policy__judgement__rules=list(judgement.rules),
        hold="",
    ).order_by("-id")
    pairs = rows.values_list("created_at", "decided_at")[:MOST_READ]
    waits = [done - sent for sent, done in pairs if done is not None]
    seconds = [wait.total_seconds() for wait in waits]
    return span(timedelta(seconds=median(seconds))) if len(seconds) >= TOO_FEW else ""


def _number(count: int) -> str:
    return {1: "one", 2: "two", 3: "three"}.get(count, str(count))
