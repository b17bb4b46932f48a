"""What the database remembers. Nouns only: rules live in services, policy and engine."""

from access.models.estate import BastionHost, EstateItem, Gate, Machine, SyncRun
from access.models.grants import EndOrder, Grant
from access.models.ledger import LedgerEntry, LedgerHead
from access.models.operations import Heartbeat
from access.models.people import Person, PersonRole, Role
from access.models.requests import AccessRequest, RequestedDoor

__all__ = [
    "AccessRequest",
    "BastionHost",
    "EndOrder",
    "EstateItem",
    "Gate",
    "Grant",
    "Heartbeat",
    "LedgerEntry",
    "LedgerHead",
    "Machine",
    "Person",
    "PersonRole",
    "RequestedDoor",
    "Role",
    "SyncRun",
]
