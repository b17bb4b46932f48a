"""What holds before anybody has written a policy: one approver for everything."""

from access.rules.document import Policy, parse


def builtin(*, max_minutes: int, lapse_minutes: int) -> Policy:
    """Both in minutes, from the settings."""
    rule = {
        "name": "One approver",
        "max_minutes": max_minutes,
        "lapse_minutes": lapse_minutes,
        "approvals": [{"from": [{"role": "approver"}], "needed": 1, "label": "Approver"}],
    }
    return parse({"version": 1, "rules": [rule]})
