"""Versions of the policy as pages show them; the built-in one is number 0."""

from collections.abc import Iterable
from dataclasses import dataclass

import yaml

from access import policy, ruling
from access.errors import NotAllowed, WrongState
from access.models import Person, PolicyState, PolicyVersion
from access.presenters.statuses import Status
from access.rules.document import Policy
from access.rules.problems import BadPolicy
from access.ruling import BUILT_IN, InForce

STATUSES = {
    PolicyState.PROPOSED: Status("blue", "clock", "Waits for a second administrator"),
    PolicyState.ACTIVE: Status("green", "circle-check", "In force"),
    PolicyState.RETIRED: Status("grey", "hourglass", "Was in force"),
    PolicyState.REJECTED: Status("grey", "circle-x", "Rejected"),
    PolicyState.WITHDRAWN: Status("grey", "undo-2", "Withdrawn"),
}


WAS_IN_FORCE = (PolicyState.ACTIVE, PolicyState.RETIRED)


@dataclass(frozen=True)
class Edition:
    """A version with its parsed policy; ``version`` is ``None`` for the built-in policy.

    ``policy`` is ``None`` when this release can no longer read what an older one accepted; then
    ``problem`` says why.
    """

    number: int
    policy: Policy | None
    source: str
    status: Status
    version: PolicyVersion | None = None
    problem: str = ""
    called: str = ""  # of a text that is no version yet

    @property
    def name(self) -> str:
        return self.called or name_of(self.number)

    @property
    def words(self) -> str:
        """Within a sentence."""
        return words_of(self.number) if not self.called else self.called.lower()

    @property
    def as_in_force(self) -> InForce:
        """For judging by it as if it were. Raises ``WrongState`` when it cannot be read."""
        return InForce(self.readable, self.number)

    @property
    def readable(self) -> Policy:
        if self.policy is None:
            raise WrongState(f"{self.name} can no longer be read: {self.problem}")
        return self.policy


@dataclass(frozen=True)
class SourceLine:
    number: int
    text: str
    problem: str = ""


def name_of(number: int) -> str:
    return f"Version {number}" if number else "Built-in policy"


def words_of(number: int) -> str:
    return f"version {number}" if number else "the built-in policy"


def status_of(version: PolicyVersion) -> Status:
    return STATUSES[PolicyState(version.state)]


def edition_of(number: int) -> Edition | None:
    """``None`` when there is no such version."""
    if number == BUILT_IN:
        return _built_in_edition()
    rows = PolicyVersion.objects.select_related("proposed_by", "decided_by")
    version = rows.filter(number=number).first()
    return edition(version) if version else None


def edition(version: PolicyVersion) -> Edition:
    status = status_of(version)
    try:
        read = ruling.policy_of_version(version.number, version.digest)
    except BadPolicy as bad:
        problem = " ".join(bad.problems)
        return Edition(version.number, None, version.source, status, version, problem)
    return Edition(version.number, read, version.source, status, version)


def edition_in_force() -> Edition:
    rows = PolicyVersion.objects.select_related("proposed_by", "decided_by")
    active = rows.filter(state=PolicyState.ACTIVE).first()
    return edition(active) if active else _built_in_edition()


def _built_in_edition() -> Edition:
    never = not PolicyVersion.objects.filter(state__in=WAS_IN_FORCE).exists()
    read = ruling.built_in()
    status = STATUSES[PolicyState.ACTIVE] if never else STATUSES[PolicyState.RETIRED]
    return Edition(BUILT_IN, read, yaml_of(read), status)


def yaml_of(read: Policy) -> str:
    """The canonical document as somebody would write it; parsing it gives the same policy."""
    said = {key: value for key, value in read.document.items() if value}
    text: str = yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=96)
    return text


def offered() -> list[tuple[int, str]]:
    """(number, name) of what can be tried out: what is in force, and what waits."""
    states = [PolicyState.PROPOSED, PolicyState.ACTIVE]
    rows = PolicyVersion.objects.filter(state__in=states).order_by("number")
    known = list(rows.values_list("number", "state"))
    if all(state != PolicyState.ACTIVE for _, state in known):
        known.insert(0, (BUILT_IN, PolicyState.ACTIVE))
    words = {PolicyState.ACTIVE: "in force", PolicyState.PROPOSED: "proposed"}
    return [(number, f"{name_of(number)}, {words[PolicyState(s)]}") for number, s in known]


def why_not_decide(version: PolicyVersion, person: Person) -> str:
    """Empty for who may decide on it; pages explain instead of hiding the buttons."""
    try:
        policy.check_may_put_in_force(version, person)
    except NotAllowed as refusal:
        return str(refusal)
    return ""


def numbered(source: str, problems: Iterable[tuple[int, str]] = ()) -> list[SourceLine]:
    """The text with its line numbers, and beside each line what is wrong with it."""
    wrong: dict[int, list[str]] = {}
    for line, text in problems:
        wrong.setdefault(line, []).append(text)
    return [
        SourceLine(number, text, " ".join(wrong.get(number, ())))
        for number, text in enumerate(source.splitlines(), 1)
    ]
