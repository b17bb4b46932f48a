"""What judging, asking and deciding cost: beside one plain insert in a transaction of its own."""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Callable
from typing import Any

from bench.ledger import prepare

RULES, APPROVERS, TIMES = 200, 300, 150


def main() -> None:
    prepare()
    from django.conf import settings

    from access import services
    from access.clock import db_now
    from access.models import AccessRequest, Heartbeat, Machine, Person
    from access.ruling import Terms, asked_for, judge, policy_in_force

    settings.ACCESS_MOST_WAITING_OF_PERSON = settings.ACCESS_MOST_WAITING_FOR_MACHINE = 10 * TIMES
    alice, deciders = _people()
    _policy()
    machines = [_machine(number) for number in range(TIMES)]
    policy = policy_in_force().policy
    terms = Terms("window", 30, db_now(), alice)
    facts = asked_for(policy, machines[0], 22, terms)

    def insert(number: int) -> None:
        Heartbeat.objects.create(name=f"bench-{number}", at=db_now())

    def plain(machine: Machine) -> services.Submission:
        return services.Submission(
            submission_key=uuid.uuid4(), machine_id=machine.pk, kind="window", port=22,
            minutes=30, reason="Disk is full",
        )  # fmt: skip

    asked: list[AccessRequest] = []

    def approve(number: int) -> None:
        by = Person.objects.get(pk=deciders[number % len(deciders)].pk)
        services.approve(asked[number], by=by, terms_digest=asked[number].terms_digest)

    base = _times(insert)
    rows = [
        (f"judge one machine, the last of {RULES} rules", _times(lambda _: policy.judge(facts))),
        ("the same, with the policy from the database", _times(
            lambda n: judge([(machines[n], 22)], terms)
        )),
        (f"submit, {APPROVERS} approvers told", _times(
            lambda n: asked.append(services.submit(plain(machines[n]), by=alice))
        )),
        ("approve", _times(approve)),
    ]  # fmt: skip
    print(f"{'plain insert':<45} {_p(base, 50):>8.2f} ms  p95 {_p(base, 95):>8.2f} ms")
    for name, found in rows:
        ratio = _p(found, 50) / _p(base, 50)
        print(f"{name:<45} {_p(found, 50):>8.2f} ms  p95 {_p(found, 95):>8.2f} ms  {ratio:>7.1f} x")


def _times(act: Callable[[int], Any]) -> list[float]:
    found = []
    for number in range(TIMES):
        began = time.perf_counter()
        act(number)
        found.append((time.perf_counter() - began) * 1000)
    return found


def _p(found: list[float], percent: int) -> float:
    return statistics.quantiles(found, n=100)[percent - 1]


def _people() -> tuple[Any, list[Any]]:
    from access.models import Person, PersonRole, Role

    def made(name: str, role: Role) -> Person:
        person = Person.objects.create(
            tenant_id="bench", object_id=name, display_name=name, mail=f"{name}@example.test"
        )
        PersonRole.objects.create(person=person, role=role)
        return person

    deciders = [made(f"approver-{n}", Role.APPROVER) for n in range(APPROVERS)]
    return made("engineer", Role.ENGINEER), deciders


def _policy() -> None:
    from access.clock import db_now
    from access.models import PolicyVersion
    from access.rules.document import parse

    stage = [{"from": [{"role": "approver"}], "needed": 1}]
    rules = [
        {"name": f"Rule {n}", "when": {"resource_group": [f"rg-{n}-*"]}, "approvals": stage}
        for n in range(RULES - 1)
    ]
    policy = parse({"version": 1, "rules": [*rules, {"name": "Rest", "approvals": stage}]})
    PolicyVersion.objects.create(
        number=1, source="", document=policy.document, digest=policy.digest, note="bench",
        based_on=0, state="active", proposed_at=db_now(), decided_at=db_now(),
    )  # fmt: skip


def _machine(number: int) -> Any:
    from tests.support.estate import machine

    return machine(f"vm-{number}")


if __name__ == "__main__":
    main()
