"""Who could approve if somebody asked for something: each rule that was tried, and the people of
each stage, with the reason why others could not."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from django.db.models import Q
from django.db.models.functions import Lower

from access.approvers import Candidate, Pool, StageNow, why_short
from access.models import Person
from access.policy.table import Act, has
from access.presenters.moments import duration
from access.presenters.policies import Edition
from access.presenters.rules import Names, names_of, outcome_words, sources_words, stage_words
from access.rules.judgement import SOFT, Judgement, Source, Stage
from access.rules.objections import objections
from access.ruling import Terms, Wanted, asked_for, judge

MOST_NAMED = 200  # people for whom a reason is looked up


@dataclass(frozen=True)
class Tried:
    """``outcome``: ``decides``, ``fails`` or ``later`` (matches too, but another came before)."""

    name: str
    outcome: str
    why_not: str


@dataclass(frozen=True)
class Unable:
    """Somebody whom the stage names and who could not decide."""

    name: str
    why: str


@dataclass(frozen=True)
class StageShown:
    words: str
    needed: int
    people: list[Candidate]
    unable: list[Unable]

    @property
    def missing(self) -> int:
        return max(0, self.needed - len(self.people))


@dataclass(frozen=True)
class Simulation:
    judgement: Judgement
    tried: list[Tried]
    objections: list[str]
    stages: list[StageShown] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    why_stuck: str = ""  # allowed, and still nobody could let it through


def simulate(
    edition: Edition, wanted: Wanted, terms: Terms, *, now: datetime, ahead: int | None
) -> Simulation:
    """By people, roles and deputies as they are at ``now``. ``ahead``: minutes until the start
    that is asked for, ``None`` for at once."""
    ((machine, port),) = wanted
    using = edition.as_in_force
    judgement = judge([(machine, port)], terms, by=using).judgement
    names = names_of(using.policy)
    pool = Pool(now)
    pool.groups = using.policy.groups
    said = objections(judgement, minutes=terms.minutes, ticket="", ahead=ahead)
    stages = [_stage(stage, terms, pool, names) for stage in judgement.stages]
    seats = [
        StageNow(index, stage, (), tuple(shown.people))
        for index, (stage, shown) in enumerate(zip(judgement.stages, stages, strict=True))
    ]
    return Simulation(
        judgement=judgement,
        tried=_tried(using.policy.explain(asked_for(using.policy, machine, port, terms))),
        objections=[words for key, words in said.items() if key in ("minutes", "start")],
        stages=stages,
        facts=_facts(judgement, names),
        why_stuck=why_short(seats),
    )


def _tried(explained: Sequence[tuple[str, bool, str]]) -> list[Tried]:
    found, decided = [], False
    for name, matches, why_not in explained:
        outcome = ("later" if decided else "decides") if matches else "fails"
        decided = decided or matches
        found.append(Tried(name, outcome, why_not))
    return found


def _stage(stage: Stage, terms: Terms, pool: Pool, names: Names) -> StageShown:
    able = pool.for_sources(stage.sources, terms.requester, vendor_mail=terms.vendor_mail)
    return StageShown(
        words=stage_words(_plain(stage), names),
        needed=stage.needed,
        people=able,
        unable=_unable(stage, terms, pool, {each.person.pk for each in able}),
    )


def _unable(stage: Stage, terms: Terms, pool: Pool, able: set[int]) -> list[Unable]:
    """Whom the stage names by role are those who hold it; all others are looked up by name."""
    identities = _identities(stage, pool)
    found = [*_accounts(identities), *pool.people, terms.requester]
    if terms.requester.manager is not None:
        found.append(terms.requester.manager)
    seen: dict[int, Unable] = {}
    for person in found:
        named = any(pool.is_named(person, source, terms.requester) for source in stage.sources)
        if named and person.pk not in able:
            seen.setdefault(person.pk, Unable(person.display_name, _why(person, terms, pool)))
    known = {name for p in found for name in (p.identity.casefold(), p.object_id.casefold())}
    strangers = [each for each in identities if each.casefold() not in known]
    nobody = [Unable(each, "has no account here") for each in strangers]
    return [*seen.values(), *nobody, *_empty_sources(stage, terms, pool)]


def _identities(stage: Stage, pool: Pool) -> list[str]:
    found: list[str] = []
    for source in stage.sources:
        if source.kind in ("group", "owner"):
            found += pool.groups.get(source.name, ())
        elif source.kind == "person":
            found.append(source.name)
    return list(dict.fromkeys(found))[:MOST_NAMED]


def _accounts(identities: Sequence[str]) -> list[Person]:
    objects = {each.rpartition("/")[2].lower() for each in identities}
    rows = Person.objects.annotate(folded=Lower("object_id")).filter(Q(folded__in=objects))
    return list(rows.prefetch_related("roles").order_by("display_name", "pk"))


def _empty_sources(stage: Stage, terms: Terms, pool: Pool) -> list[Unable]:
    found = []
    for source in stage.sources:
        if source.kind == "owner" and not pool.groups.get(source.name):
            tag = f"“{source.name}”, which no group is called" if source.name else "empty"
            found.append(Unable("The machine's owner", f"the owner tag is {tag}"))
        if source.kind == "manager" and terms.requester.manager_id is None:
            found.append(Unable("The manager", f"of {terms.requester.display_name} is not known"))
    return found


def _why(person: Person, terms: Terms, pool: Pool) -> str:
    """The plainest reason first, as when somebody tries to decide."""
    requester = terms.requester
    if person.pk == requester.pk:
        return "asks for it; nobody decides their own request"
    if person.is_same_human(requester):
        return "is who asks, under another account"
    if not person.is_active:
        return "has an inactive account"
    able = has(person, Act.DECIDE)
    if person.is_guest and not able:
        return "is a guest of another organisation"
    if not able:
        return "does not hold the Approver role"
    vendor = pool.is_vendor(person, terms.vendor_mail)
    return "would let themselves in" if vendor else "is not named"


def _facts(judgement: Judgement, names: Names) -> list[tuple[str, str]]:
    """Label and sentence of what goes with it, besides who approves."""
    if not judgement.allowed:
        return []
    glass = judgement.break_glass
    who = sources_words([_source(source) for source in glass.sources], names)
    patterns = " and ".join(judgement.ticket_patterns)
    ticket = {
        "required": judgement.ticket_required,
        **({"pattern": patterns} if patterns else {}),
    }
    extension = asdict(judgement.extension)
    soft = judgement.end == SOFT
    end, how = ("grace_minutes", judgement.grace_minutes) if soft else ("end", judgement.end)
    rows = [
        ("Longest", duration(judgement.max_minutes)),
        ("Ticket", outcome_words("ticket", ticket, names) or "None needed."),
        ("Step-up", outcome_words("step_up", judgement.step_up, names) or "None."),
        ("Start", _start(judgement)),
        ("Extension", outcome_words("extension", extension, names)),
        ("End", outcome_words(end, how, names)),
        ("Unanswered", outcome_words("lapse_minutes", judgement.lapse_minutes, names)),
        ("Break-glass", f"{who}, at most {duration(glass.max_minutes)}" if who else "Nobody."),
    ]
    return [(label, words) for label, words in rows if words]


def _start(judgement: Judgement) -> str:
    notice = f"At least {duration(judgement.notice_minutes)} ahead."
    when = "Now or later." if judgement.scheduled else "Now only."
    return notice if judgement.notice_minutes else when


def _plain(stage: Stage) -> dict[str, object]:
    """As a canonical document has it, for the words."""
    plain: dict[str, object] = {
        "from": [_source(each) for each in stage.sources],
        "needed": stage.needed,
        "label": stage.label,
    }
    if stage.escalate_after is not None:
        to = [_source(each) for each in stage.escalate_to]
        plain["escalate"] = {"after": stage.escalate_after, "to": to}
    return plain


def _source(source: Source) -> str | dict[str, str]:
    if source.kind == "manager" or (source.kind == "owner" and not source.name):
        return source.kind
    return {"group" if source.kind == "owner" else source.kind: source.name}
