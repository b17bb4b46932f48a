"""What a kind is told of its grants: in the transaction that writes them down, each time inside a
savepoint. A kind that fails at it is named in the log and in the ledger; what is to be closed is
closed all the same.
"""

import logging
from collections.abc import Callable, Iterable, Sequence

from django.db import transaction

from access.kinds import Kind, Seen, Unconcerned, all_kinds
from access.models import Grant

logger = logging.getLogger(__name__)
NOT_KEPT = "The portal could not keep what lets somebody in; its log says why."
NOT_FORGOTTEN = "The portal could not forget what let somebody in; its log says why."
NOT_TOLD = "The portal could not tell whom it was given to; its log says why."


def keep(kind: Kind, seen: Sequence[tuple[Grant, Seen]]) -> Exception | None:
    """The fault, if the kind failed at it: all of them are shown to it again at the next look."""
    return _spared(lambda: kind.keep(seen)) if seen and cares(kind, "keep") else None


def ended(grants: Iterable[Grant]) -> list[tuple[Grant, str, Exception]]:
    """Those of which something may still be kept, and why."""
    failed = []
    for kind, mine in _by_kind(grants):
        if cares(kind, "ended") and (fault := _spared(_call(kind.ended, mine))):
            failed += [(grant, NOT_FORGOTTEN, fault) for grant in mine]
    return failed


def told(events: Iterable[tuple[str, Grant]]) -> list[tuple[Grant, str, Exception]]:
    """In the order of their requests: a kind may lock each (see ``Kind.told``). All at once; where
    that fails, each alone, so that one keeps nobody else from being told."""
    failed = []
    ordered = sorted(events, key=lambda each: (each[1].access_request_id, each[1].pk))
    for kind, grants in _by_kind(grant for _, grant in ordered):
        if not cares(kind, "told"):
            continue
        numbers = {grant.pk for grant in grants}
        mine = [each for each in ordered if each[1].pk in numbers]
        if not _spared(_call(kind.told, mine)):
            continue
        for event, grant in mine:
            if fault := _spared(_call(kind.told, [(event, grant)])):
                failed.append((grant, NOT_TOLD, fault))
    return failed


def _spared(work: Callable[[], None]) -> Exception | None:
    try:
        with transaction.atomic():
            work()
    except Exception as fault:
        logger.exception("a kind failed at what goes with its grants")
        return fault
    return None


def _call(hook: Callable[..., None], *words: object) -> Callable[[], None]:
    return lambda: hook(*words)


def cares(kind: Kind, hook: str) -> bool:
    """Most kinds do nothing here, and need neither a savepoint nor a question for it."""
    return getattr(type(kind), hook) is not getattr(Unconcerned, hook)


def _by_kind(grants: Iterable[Grant]) -> list[tuple[Kind, list[Grant]]]:
    groups: dict[str, list[Grant]] = {}
    for grant in grants:
        groups.setdefault(grant.kind, []).append(grant)
    known = all_kinds()
    return [(known[name], mine) for name, mine in groups.items() if name in known]
