"""A host's live sessions for those who watch them: glanced at, never waited for; and ended.

Nobody knows in which form Azure tells when a session began: the field has no type. What cannot be
read is left out, and a session is never hidden because of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

from azure.core.exceptions import HttpResponseError

from access.errors import Receipt
from access.sessions.words import Connected, Fate
from portal.azure import door as azure
from portal.azure.patience import forget, glance
from portal.azure.roles import Identity
from portal.azure.sessions import LIMIT, ask_to_end

MILLISECONDS = 1e11  # more seconds than that since 1970 are none
EARLIEST = datetime(2019, 1, 1, tzinfo=UTC)  # before Azure Bastion no session can have begun


@dataclass(frozen=True)
class Listing:
    """``age``: how many seconds ago Azure was asked for it."""

    connected: list[Connected]
    age: float


def glance_at(bastion_id: str) -> Listing:
    """Everybody on the host. A host that is gone carries nobody.

    Raises ``StillAtWork``, with when to come back, while Azure is at it; another ``Later`` or
    ``Never`` when it fails. Then nothing is known, for a part of a list is no list.
    """
    where = azure.parts(bastion_id)
    with azure.calling():
        client = azure.network(where["subscription"], Identity.READER)
        begin = partial(client.begin_get_active_sessions, where["resource_group"], where["name"])
        try:
            found, age = glance(_key(bastion_id), begin)
            rows = list(found or ())
        except HttpResponseError as error:
            if not azure.is_gone(error) or _is_there(client, where):
                raise
            return Listing([], 0.0)
    return Listing([_connected(row) for row in rows], age)


def end(bastion_id: str, session_ids: Sequence[str]) -> tuple[dict[str, Fate], list[Receipt]]:
    """What became of each session. Raises ``Later`` or ``Never`` for the call as a whole."""
    fates: dict[str, Fate] = {}
    receipts: list[Receipt] = []
    forget(_key(bastion_id))  # a list that was asked for before would still show them
    for start in range(0, len(session_ids), LIMIT):
        rows, made = ask_to_end(bastion_id, session_ids[start : start + LIMIT])
        receipts += made
        for row in rows:
            fates[row.session_id or ""] = Fate(azure.word(row.state), row.message or "")
    return fates, receipts


def moment(told: Any) -> datetime | None:
    """Aware, in UTC, of whatever Azure may tell a moment by; ``None`` where it tells none."""
    try:
        found = _moment(told)
        sane = found is not None and EARLIEST < found < datetime.now(UTC) + timedelta(days=1)
    except (ValueError, OverflowError, OSError):
        return None
    return found if sane else None


def _moment(told: Any) -> datetime | None:
    if isinstance(told, datetime):
        found = told
    elif isinstance(told, int | float):
        found = datetime.fromtimestamp(told / 1000 if told > MILLISECONDS else told, UTC)
    elif not isinstance(told, str) or not told.strip():
        return None
    elif told.strip().isdecimal():
        return _moment(int(told))
    else:
        found = _written(told.strip())
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _written(text: str) -> datetime:
    """ISO 8601, with however many digits of a second, or as HTTP and mail write it."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return parsedate_to_datetime(text)


def _began(row: Any) -> datetime | None:
    """As told or, failing that, by how long it has lasted."""
    told = moment(row.start_time)
    minutes = row.session_duration_in_mins
    if told is None and isinstance(minutes, int | float):
        return moment(datetime.now(UTC) - timedelta(minutes=minutes))
    return told


def _connected(row: Any) -> Connected:
    target_id, address = _plain(row.target_resource_id, 600), _plain(row.target_ip_address, 64)
    user_name = _plain(row.user_name, 200)
    unnamed = f"without id: {user_name} at {target_id or address}"
    return Connected(
        session_id=_plain(row.session_id, 200) or unnamed[:200],
        user_name=user_name,
        protocol=_plain(azure.word(row.protocol), 16).lower(),
        target_id=target_id,
        target=_plain(row.target_host_name, 600) or target_id,
        address=address,
        started_at=_began(row),
    )


def _plain(told: Any, most: int) -> str:
    """Names on machines are chosen by whoever is there: one that the database would not take
    must not hide the host, nor one with hidden characters pass for another."""
    return "".join(c for c in str(told or "") if c.isprintable())[:most]


def _is_there(client: Any, where: dict[str, str]) -> bool:
    """Asked before a host is believed to be gone: an operation's or a page's address may be what
    was not found, and that would hide everybody on the host."""
    try:
        client.bastion_hosts.get(where["resource_group"], where["name"])
    except HttpResponseError as error:
        if azure.is_gone(error):
            return False
        raise
    return True


def _key(bastion_id: str) -> str:
    return f"watch {bastion_id.lower()}"
