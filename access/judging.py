"""Whether a way in would work, by what is stored of the estate. The kinds judge; here is asked,
and what several of them say of the same thing is said once.

A failure refuses a request and an opening. A warning does not, and neither does what is not known:
nobody has seen that it is wrong.
"""

import logging
from collections.abc import Iterable

from access import sites
from access.kinds import all_kinds
from access.models import Grant, Machine
from access.preflight import SEVERITY, Check, failed, worst_first

logger = logging.getLogger(__name__)
INLINE = 300  # characters of commands that a sentence can bear

Doors = Iterable[tuple[str, int]]  # (kind, port)


def preflight(machine: Machine, doors: Doors, *, asked: str, minutes: int) -> list[Check]:
    """Worst first. ``asked``: the kind that the request is for; a window that only serves a link
    is renewed in steps, so no length need fit it."""
    site, kinds = sites.site_of(machine), all_kinds()
    found: dict[tuple[str, str], Check] = {}
    for name, port in doors:
        length = minutes if name == asked else None
        checks = kinds[name].preflight(site, port=port, minutes=length) if name in kinds else []
        for check in checks:
            known = found.get((check.key, check.subject))
            if known is None or SEVERITY[check.level] > SEVERITY[known.level]:
                found[check.key, check.subject] = check
    return worst_first(found.values())


def reason_to_refuse(checks: Iterable[Check], *, is_for_now: bool) -> str:
    """Of the first failure, with what mends it; empty when nothing fails. What may change by
    itself until a later start is no reason."""
    stopping = [check for check in failed(checks) if is_for_now or not check.fleeting]
    if not stopping:
        return ""
    check = stopping[0]
    reason = f"This would not work. “{check.title}” fails: {check.evidence}"
    if check.fleeting:
        reason += " If it was mended since the estate was last read, ask for a later start."
    mending = "; ".join(check.remedies)
    if len(mending) > INLINE:
        mending = "see “Can it work?” on the request form."
    if mending:
        reason += f" What mends it: {mending}"
    return reason


def reason_not_to_open(grant: Grant) -> str:
    """The preflight once more, before its door is opened; empty when it may be.

    What may have changed since the estate was read does not count: opening a door to a machine
    that is stopped harms nobody, and refusing one that was just started would. A check that breaks
    down refuses this one door: the others at its gate must go on being closed.
    """
    asked, door = grant.access_request, (grant.kind, grant.port)
    try:
        checks = preflight(grant.machine, [door], asked=asked.kind, minutes=asked.duration_minutes)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        logger.exception("the preflight of grant %s broke down", grant.pk)
        return "Whether it would work could not be judged."
    stopping = [check for check in failed(checks) if not check.fleeting]
    return f"It would not have worked: {stopping[0].evidence}" if stopping else ""
