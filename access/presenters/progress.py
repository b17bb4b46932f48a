"""How far the approvals of a request have come, stage by stage."""

from collections.abc import Sequence
from dataclasses import dataclass

from access.approvers import Candidate, StageNow, label_of, standing_approvals
from access.models import AccessRequest, Decision
from access.presenters.statuses import Status

DONE = Status("green", "circle-check", "Done")
NOW = Status("blue", "clock", "Waits now")
LATER = Status("grey", "hourglass", "Later")


@dataclass(frozen=True)
class StageLine:
    label: str
    needed: int
    approvals: tuple[Decision, ...]
    status: Status
    who: tuple[Candidate, ...]  # who could decide it now
    escalated: bool = False

    @property
    def is_now(self) -> bool:
        return self.status is NOW

    @property
    def words(self) -> str:
        """``1 of 2 approvals``."""
        plural = "" if self.needed == 1 else "s"
        return f"{len(self.approvals)} of {self.needed} approval{plural}"


def progress_of(access_request: AccessRequest, stages: Sequence[StageNow]) -> list[StageLine]:
    """``stages``: as they stand, empty for what is decided. No query where the decisions were
    prefetched."""
    if not access_request.is_undecided:
        return _given(access_request)
    return [_line(access_request, stage) for stage in stages]


def _line(access_request: AccessRequest, stage: StageNow) -> StageLine:
    waits = stage.index == access_request.stage
    status = NOW if waits else LATER
    return StageLine(
        label=label_of(stage),
        needed=stage.stage.needed,
        approvals=stage.approvals,
        status=DONE if stage.done else status,
        who=stage.candidates,
        escalated=waits and access_request.escalated_at is not None,
    )


def _given(access_request: AccessRequest) -> list[StageLine]:
    """Of what is decided: who approved which stage. Stages that nobody came to are left out."""
    given = standing_approvals(access_request)
    found = []
    for index, stage in enumerate(access_request.judgement.stages):
        mine = tuple(decision for decision in given if decision.stage == index)
        if mine:
            label = label_of(StageNow(index, stage, mine, ()))
            found.append(StageLine(label, stage.needed, mine, DONE, ()))
    return found
