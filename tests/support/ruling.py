"""Policies for the stories, put in force without the two administrators of real life."""

from __future__ import annotations

from textwrap import dedent

from access.clock import db_now
from access.models import PolicyVersion
from access.rules.document import parse

TWO_STAGES = """
version: 1
groups:
  payments: [bob, carol]
  security: [sven, carol]
rules:
  - name: Everything
    max_minutes: 480
    approvals:
      - {label: Payments, from: [{group: payments}], needed: 1}
      - {label: Security, from: [{group: security}], needed: 1}
"""


def put_in_force(source: str) -> PolicyVersion:
    policy = parse(dedent(source))
    PolicyVersion.objects.filter(state="active").update(state="retired", retired_at=db_now())
    number = PolicyVersion.objects.count() + 1
    return PolicyVersion.objects.create(
        number=number,
        source=source,
        document=policy.document,
        digest=policy.digest,
        note="for a story",
        based_on=number - 1,
        state="active",
        proposed_at=db_now(),
        decided_at=db_now(),
    )


def one_approver(**outcome: object) -> str:
    """One rule for everything, with more of its outcome given."""
    import json

    rule = {
        "name": "Everything",
        "max_minutes": 480,
        "approvals": [{"from": [{"role": "approver"}], "needed": 1}],
        **outcome,
    }
    given = {key: value for key, value in rule.items() if value is not None}
    return json.dumps({"version": 1, "rules": [given]})
