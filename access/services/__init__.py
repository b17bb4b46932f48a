"""Everything a person can do, each one transaction with its ledger line: lock, check, change,
record. The pages and the API call these and nothing else.
"""

from access.services import restorations
from access.services.checks import Words
from access.services.decide import approve, deny
from access.services.disconnect import disconnect
from access.services.drift import remove
from access.services.end import end
from access.services.extend import extend
from access.services.submit import Submission, submit
from access.services.withdraw import change, withdraw

__all__ = [
    "Submission",
    "Words",
    "approve",
    "change",
    "deny",
    "disconnect",
    "end",
    "extend",
    "remove",
    "restorations",
    "submit",
    "withdraw",
]
