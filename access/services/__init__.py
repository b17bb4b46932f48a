"""Everything a person can do, each one transaction with its ledger line: lock, check, change,
record. The pages and the API call these and nothing else.
"""

from access.services.decide import approve, deny, withdraw
from access.services.disconnect import disconnect
from access.services.drift import remove
from access.services.end import end
from access.services.submit import Submission, submit

__all__ = ["Submission", "approve", "deny", "disconnect", "end", "remove", "submit", "withdraw"]
