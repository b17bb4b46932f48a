"""What the portal's identities may do in Azure, as programs and as people read it."""

from collections.abc import Mapping, Sequence
from typing import Any

from portal.azure.permissions import Verdict


def all_good(verdicts: Sequence[Verdict]) -> bool:
    """Each has what it needs and nothing else; of nobody at all nothing is known."""
    return bool(verdicts) and all(verdict.is_good for verdict in verdicts)


def as_rows(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    return [
        {
            "identities": list(verdict.identities),
            "client_id": verdict.client_id,
            "subscription": verdict.subscription_id,
            "missing": [vars(action) for action in verdict.missing],
            "excess": [vars(each) for each in verdict.excess],
            "problem": verdict.problem,
            "ok": verdict.is_good,
        }
        for verdict in verdicts
    ]


def as_text(verdicts: Sequence[Verdict], named: Mapping[str, str]) -> str:
    lines: list[str] = []
    for verdict in verdicts:
        who = " and ".join(verdict.identities)
        as_whom = verdict.client_id or "the process's own identity"
        where = named.get(verdict.subscription_id, verdict.subscription_id)
        word = "ok" if verdict.is_good else "WRONG"
        lines.append(f"{word:<6}{who} ({as_whom}) in {where}")
        lines += [f"        needs {action.name}: {action.why}" for action in verdict.missing]
        lines += [
            f"        must not have {each.given}: it allows {each.forbidden}"
            for each in verdict.excess
        ]
        lines += [f"        {verdict.problem}"] if verdict.problem else []
    return "\n".join(lines)
