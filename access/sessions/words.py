"""What a reading of a host tells of a session, and what became of the wish to end one."""

from dataclasses import dataclass
from datetime import datetime

GONE = frozenset({"disconnected", "notfound"})


@dataclass(frozen=True)
class Connected:
    """A session as the host tells it. ``started_at`` is ``None`` where nobody can tell."""

    session_id: str
    user_name: str
    protocol: str  # "ssh" or "rdp"
    target_id: str  # of the machine; empty for who came by address
    target: str  # its name or id, for people
    address: str
    started_at: datetime | None


@dataclass(frozen=True)
class Fate:
    """What Azure answered for one session that was to be disconnected."""

    state: str  # Disconnected, Failed or NotFound, in Azure's spelling; empty: nothing
    message: str = ""

    @property
    def is_gone(self) -> bool:
        return self.state.lower() in GONE
