"""Findings as lines of a page: what is open, who could have opened it, what is done about it."""

from dataclasses import dataclass

from access import policy
from access.kinds import all_kinds
from access.models import Finding, Person
from access.presenters.statuses import Status
from access.presenters.ways import port_words

NOBODYS = Status("red", "triangle-alert", "Open, belongs to nobody")
REMOVING = Status("amber", "loader", "Removing")
GONE = Status("grey", "lock", "Gone")


@dataclass(frozen=True)
class FindingLine:
    finding: Finding
    status: Status
    label: str
    origin: str
    waits_for: str
    may_remove: bool


def line_for(finding: Finding, viewer: Person) -> FindingLine:
    """Needs gate, machine and removal__by loaded."""
    ordered = hasattr(finding, "removal")
    live = finding.gone_at is None
    return FindingLine(
        finding=finding,
        status=_status(finding, ordered=ordered),
        label=_label(finding),
        origin=_origin(finding),
        waits_for=_waits_for(finding, ordered=ordered) if live else "",
        may_remove=live and not ordered and policy.may_remove(viewer),
    )


def _status(finding: Finding, *, ordered: bool) -> Status:
    if finding.gone_at is not None:
        return GONE
    return REMOVING if ordered or finding.left_by else NOBODYS


def _label(finding: Finding) -> str:
    kind = all_kinds().get(finding.gate.kind)
    name = kind.label if kind else finding.gate.kind
    return f"{name} {port_words(finding.port)}" if finding.port else name


def _origin(finding: Finding) -> str:
    """Who could have opened it. Not known is an answer, too."""
    if finding.left_by:
        return f"Left over from {finding.left_by}, which this portal had opened."
    asked_by = str(finding.detail.get("asked_by") or "")
    why = str(finding.detail.get("justification") or "")
    if asked_by or why:
        who = asked_by or "a service, which Azure does not name"
        return f"Asked for by {who}{f', saying “{why}”' if why else ''}."
    made_at = str(finding.detail.get("made_at") or "")[:19].replace("T", " ")
    when = f" Azure says it was made at {made_at} UTC." if made_at else ""
    return f"Not known: Azure does not tell. The subscription's activity log may.{when}"


def _waits_for(finding: Finding, *, ordered: bool) -> str:
    if finding.problem:
        return f"It could not be removed: {finding.problem.rstrip('.')}. It is tried again."
    if finding.sent_at is not None:
        return "Azure was asked to remove it. It counts as gone when Azure does not show it."
    return "Its removal was ordered." if ordered else ""
