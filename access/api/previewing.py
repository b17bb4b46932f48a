"""What would become of a request before it is sent. Nothing is kept, and nobody is told."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rest_framework import serializers

from access import judging, policy
from access.clock import db_now
from access.errors import Invalid
from access.models import Machine, Person
from access.offers import doors_at, with_offers
from access.preflight import Check, Level, worst
from access.presenters.outlook import Outlook, outlook_for
from access.ruling import Terms
from access.services.checks import check_submission
from access.services.submission import Submission
from access.services.submit import for_whom


class CheckSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    title = serializers.CharField()
    level = serializers.ChoiceField(choices=[(level.value, level.label) for level in Level])
    evidence = serializers.CharField()
    remedy = serializers.CharField(help_text="Commands that mend it, one a line; may be empty.")


class MachinePreflightSerializer(serializers.Serializer[Any]):
    machine_id = serializers.IntegerField()
    machine = serializers.CharField()
    level = serializers.ChoiceField(choices=[(level.value, level.label) for level in Level])
    checks = CheckSerializer(many=True)


class StageAheadSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    needed = serializers.IntegerField()
    people = serializers.IntegerField(help_text="How many could give these approvals now.")


class OutlookSerializer(serializers.Serializer[Any]):
    accepted = serializers.BooleanField(help_text="Whether it could be sent as it is.")
    problems = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        help_text="Of a field: what is wrong with it.",
    )
    decided = serializers.ChoiceField(
        choices=["by-rule", "by-people", "by-nobody", "not-allowed"],
        help_text="by-rule: at once. by-nobody: too few people are left who could.",
    )
    why_not = serializers.CharField(help_text="In words, where it is not allowed or by nobody.")
    stages = StageAheadSerializer(many=True)
    usual_wait = serializers.CharField(help_text="Empty where too little is known.")
    asks = serializers.ListField(
        child=serializers.CharField(), help_text="What the policy wants beside approvals."
    )
    rules = serializers.ListField(child=serializers.CharField())
    ends_at = serializers.DateTimeField(help_text="If it were approved at once.")
    preflight = MachinePreflightSerializer(many=True)


def preview(submission: Submission, by: Person) -> dict[str, Any]:
    """Raises ``NotAllowed``, or ``Invalid`` where a machine does not exist."""
    policy.check_may_request(by)
    submission = for_whom(submission)
    machines, now = _machines(submission), db_now()
    start = submission.start or now
    terms = Terms(submission.kind, submission.minutes, start, by, submission.vendor_mail)
    wanted = [(machine, submission.ports[machine.pk]) for machine in machines]
    outlook, problems = outlook_for(wanted, terms, now), _problems(submission, machines, by, now)
    return {
        "accepted": not problems,
        "problems": {field: [text] for field, text in problems.items()},
        "decided": _decided(outlook),
        "why_not": outlook.blocked if outlook.allowed else outlook.judgement.why_not,
        "stages": [
            {"name": stage.label, "needed": stage.needed, "people": len(stage.people)}
            for stage in outlook.stages
        ],
        "usual_wait": outlook.usual_wait,
        "asks": outlook.asks if outlook.allowed else [],
        "rules": list(outlook.judgement.rules),
        "ends_at": start + timedelta(minutes=submission.minutes),
        "preflight": [_preflight(submission, machine) for machine in machines],
    }


def _machines(submission: Submission) -> list[Machine]:
    found = with_offers(Machine.objects.all()).in_bulk(list(submission.ports))
    if len(found) != len(submission.ports):
        raise Invalid({"machine": "Choose a machine from the list."})
    return [found[pk] for pk in submission.ports]


def _problems(
    submission: Submission, machines: Sequence[Machine], by: Person, now: datetime
) -> dict[str, str]:
    """The first that sending would be refused for."""
    try:
        check_submission(submission, machines, by, now)
    except Invalid as problem:
        return problem.fields
    return {}


def _decided(outlook: Outlook) -> str:
    if not outlook.allowed:
        return "not-allowed"
    if outlook.at_once:
        return "by-rule"
    return "by-nobody" if outlook.blocked else "by-people"


def _preflight(submission: Submission, machine: Machine) -> dict[str, Any]:
    doors = doors_at(machine, kind=submission.kind, port=submission.ports[machine.pk])
    minutes = submission.minutes
    checks = judging.preflight(machine, doors, asked=submission.kind, minutes=minutes)
    return {
        "machine_id": machine.pk,
        "machine": machine.name,
        "level": worst(checks).value,
        "checks": [_check(each) for each in checks],
    }


def _check(check: Check) -> dict[str, str]:
    return {
        "key": check.key,
        "title": check.title,
        "level": check.level.value,
        "evidence": check.evidence,
        "remedy": check.remedy,
    }
