"""Writing down what a host answered: short transactions, each under the turn's token."""

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from access.clock import db_now
from access.engine.rest import pause
from access.models import LiveSession, Machine, SessionReading
from access.sessions.covering import covering
from access.sessions.ending import check_still_there
from access.sessions.lines import Lines
from access.sessions.turns import Turn, hold
from access.sessions.words import Connected

READING = ["read_at", "tried_at", "not_before", "failures", "problem", "lease_token", "lease_until"]


def settle(turn: Turn, connected: Sequence[Connected], *, as_of: datetime) -> None:
    """A complete answer to a question of that moment. Who is not in it is connected no more.

    An answer older than what is known already is no news: Azure is asked again.
    """
    with transaction.atomic():
        reading, now, lines = hold(turn), db_now(), Lines()
        if reading.read_at is None or as_of > reading.read_at:
            there = {each.session_id: each for each in connected}
            known = _known(turn, there)
            seen = [_seen(turn, each, known.get(key), as_of) for key, each in there.items()]
            _end_absent(known, there, now, lines)
            check_still_there(seen, as_of, now, lines)
            _tell_unexplained(seen, now, lines)
            reading.read_at = as_of
        reading.failures, reading.problem, reading.not_before = 0, "", None
        _give_back(reading, tried_at=as_of)
        lines.write()


def under_way(turn: Turn, *, seconds: float) -> None:
    """Azure was asked and is not done. Somebody comes back for the answer."""
    with transaction.atomic():
        reading = hold(turn)
        reading.not_before = db_now() + timedelta(seconds=seconds)
        _give_back(reading, tried_at=reading.tried_at)


def failed(turn: Turn, problem: str, *, asked: float | None = None) -> None:
    """Who is connected is not known. What was known stays as it is; ``asked``: Azure's pause.

    A host that the estate has lost for good carries nobody, however Azure puts it.
    """
    if turn.host.gone_at is not None:
        settle(turn, [], as_of=db_now())
        return
    with transaction.atomic():
        reading, now = hold(turn), db_now()
        reading.failures += 1
        reading.problem = problem
        reading.not_before = now + timedelta(seconds=pause(reading.failures, asked))
        _give_back(reading, tried_at=now)


def _give_back(reading: SessionReading, *, tried_at: datetime | None) -> None:
    reading.tried_at = tried_at
    reading.lease_token, reading.lease_until = None, None
    reading.save(update_fields=READING)


def _known(turn: Turn, there: Collection[str]) -> dict[str, LiveSession]:
    """Those that live as far as we know, and those of the answer that were called ended."""
    ours = LiveSession.objects.filter(host=turn.host)
    live = list(ours.filter(ended_at__isnull=True).select_related("disconnect_order", "machine"))
    named = ours.filter(session_id__in=list(there))
    back = named.filter(ended_at__isnull=False).select_related("disconnect_order", "machine")
    return {row.session_id: row for row in [*live, *back]}


def _seen(turn: Turn, each: Connected, row: LiveSession | None, as_of: datetime) -> LiveSession:
    if row is None:
        return LiveSession.objects.create(
            host=turn.host,
            session_id=each.session_id,
            machine=_machine(turn, each),
            user_name=each.user_name,
            protocol=each.protocol,
            target=each.target,
            address=each.address,
            started_at=each.started_at,
            first_seen_at=as_of,
            last_seen_at=as_of,
        )
    row.last_seen_at, row.ended_at = max(as_of, row.last_seen_at), None
    row.save(update_fields=["last_seen_at", "ended_at"])
    return row


def _machine(turn: Turn, each: Connected) -> Machine | None:
    """By its id or, for who came by address, by the one machine that has it behind this host."""
    if each.target_id:
        return Machine.objects.filter(resource_key=each.target_id.lower()).first()
    try:
        address = str(ipaddress.ip_address(each.address))
    except ValueError:
        return None
    behind = Machine.objects.filter(bastion=turn.host, gone_at__isnull=True)
    found = list(behind.filter(private_ip=address)[:2])
    return found[0] if len(found) == 1 else None


def _end_absent(
    known: Mapping[str, LiveSession], there: Collection[str], now: datetime, lines: Lines
) -> None:
    for row in known.values():
        if row.session_id in there or row.ended_at is not None:
            continue
        if hasattr(row, "disconnect_order") and row.disconnected_at is None:
            lines.about(row, "session.disconnected", state="ended by itself")
        row.ended_at = now
        row.save(update_fields=["ended_at"])


def _tell_unexplained(seen: Sequence[LiveSession], now: datetime, lines: Lines) -> None:
    """Once for each session: it began while nobody had a grant for its machine and protocol."""
    untold = [row for row in seen if row.unexplained_at is None]
    covered = covering(untold)
    for row in untold:
        if not covered[row.pk]:
            row.unexplained_at = now
            row.save(update_fields=["unexplained_at"])
            lines.about(row, "session.unexplained", outcome="failed")
