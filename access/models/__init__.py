"""What the database remembers. Nouns only: rules live in services, policy and engine."""

from access.models.decisions import (
    Comment,
    CommentKind,
    Decider,
    Decision,
    DecisionVerdict,
    Deputy,
    Review,
)
from access.models.estate import BastionHost, EstateItem, Gate, Machine, SyncRun
from access.models.findings import Finding, RemovalOrder
from access.models.grants import EndedHow, EndOrder, Grant, GrantExtension
from access.models.ledger import LedgerEntry, LedgerHead
from access.models.lockdowns import Lockdown, LockdownScope
from access.models.measures import ENDLESS, LatenessTally
from access.models.notices import (
    Channel,
    Digest,
    Endpoint,
    EndpointKind,
    Family,
    Notice,
    NoticePreference,
    NoticeState,
    Route,
)
from access.models.operations import Heartbeat
from access.models.people import Person, PersonRole, Role
from access.models.policies import PolicyState, PolicyVersion
from access.models.requests import AccessRequest, ApprovedHow, RequestedDoor
from access.models.restorations import Manifest, Restoration
from access.models.sessions import DisconnectOrder, LiveSession, SessionReading
from access.models.tokens import ApiToken, DeviceSignIn, Scope
from access.models.verdicts import Verdict

__all__ = [
    "ENDLESS",
    "AccessRequest",
    "ApiToken",
    "ApprovedHow",
    "BastionHost",
    "Channel",
    "Comment",
    "CommentKind",
    "Decider",
    "Decision",
    "DecisionVerdict",
    "Deputy",
    "DeviceSignIn",
    "Digest",
    "DisconnectOrder",
    "EndOrder",
    "EndedHow",
    "Endpoint",
    "EndpointKind",
    "EstateItem",
    "Family",
    "Finding",
    "Gate",
    "Grant",
    "GrantExtension",
    "Heartbeat",
    "LatenessTally",
    "LedgerEntry",
    "LedgerHead",
    "LiveSession",
    "Lockdown",
    "LockdownScope",
    "Machine",
    "Manifest",
    "Notice",
    "NoticePreference",
    "NoticeState",
    "Person",
    "PersonRole",
    "PolicyState",
    "PolicyVersion",
    "RemovalOrder",
    "RequestedDoor",
    "Restoration",
    "Review",
    "Role",
    "Route",
    "Scope",
    "SessionReading",
    "SyncRun",
    "Verdict",
]
