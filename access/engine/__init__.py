"""Look, act, look again: makes Azure match what was approved, one gate at a time.

Level-driven: each look compares what Azure holds with what should be open *now*, so a crash at
any point, a lost message or a doubled one is repaired by the next look. No transaction is open
while Azure is called, and nothing is called open or closed because a call was accepted.
"""

from access.engine.audit import audit
from access.engine.claim import (
    claim,
    due_audits,
    due_for_audit,
    due_gates,
    due_since,
    forget_leases,
    is_moving,
)
from access.engine.look import look_at

__all__ = [
    "audit",
    "claim",
    "due_audits",
    "due_for_audit",
    "due_gates",
    "due_since",
    "forget_leases",
    "is_moving",
    "look_at",
]
