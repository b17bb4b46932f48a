"""What the database remembers. Nouns only: rules live in services, policy and engine."""

from access.models.estate import BastionHost, EstateItem, Gate, Machine, SyncRun
from access.models.findings import Finding, RemovalOrder
from access.models.grants import EndOrder, Grant
from access.models.ledger import LedgerEntry, LedgerHead
from access.models.operations import Heartbeat
from access.models.people import Person, PersonRole, Role
from access.models.requests import AccessRequest, RequestedDoor
from access.models.sessions import DisconnectOrder, LiveSession, SessionReading
from access.models.verdicts import Verdict

__all__ = [
    "AccessRequest",
    "BastionHost",
    "DisconnectOrder",
    "EndOrder",
    "EstateItem",
    "Finding",
    "Gate",
    "Grant",
    "Heartbeat",
    "LedgerEntry",
    "LedgerHead",
    "LiveSession",
    "Machine",
    "Person",
    "PersonRole",
    "RemovalOrder",
    "RequestedDoor",
    "Role",
    "SessionReading",
    "SyncRun",
    "Verdict",
]
