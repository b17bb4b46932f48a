"""The API fuzzed against its own description: nothing it is sent is a 500, and nothing it answers
is undescribed.

``FUZZ_EXAMPLES`` (25): cases of each operation, half of them valid, for each way to call.
``FUZZ_SEED`` (0): where they begin. A long run: ``FUZZ_EXAMPLES=500 FUZZ_SEED=$RANDOM``.
"""

from __future__ import annotations

import os
import random
import traceback
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.conf import settings as django_settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import FlakyStrategyDefinition
from schemathesis import GenerationMode, openapi
from schemathesis.specs.openapi import checks

from access.models import (
    AccessRequest,
    ApiToken,
    Grant,
    LiveSession,
    Machine,
    Person,
    PolicyVersion,
    Role,
)
from links.models import VendorContact
from tests.access.api.calling import token_of
from tests.support.browsers import signed_in
from tests.support.cast import Cast, approved, ask, person
from tests.support.estate import machine

pytestmark = pytest.mark.long
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "25"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))
CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
ONLY = os.environ.get("FUZZ_ONLY", "")  # a part of an operation's method and path
EASY = dict.fromkeys(django_settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "1000000/min")
CSRF = "x" * 32


@pytest.fixture
def _one_transaction() -> Iterator[None]:
    """All calls are made within the test's transaction, which must outlive each of them."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def world(cast: Cast, settings: Any, _one_transaction: None) -> Cast:
    """Something of everything, so that addresses lead somewhere; and nobody is slowed down."""
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": EASY}
    vm = machine()
    ask(vm, by=cast.alice)
    grant = approved(machine("vm-app-02"), by=cast.bob, approver=person("Beth", Role.APPROVER))
    Grant.objects.filter(pk=grant.pk).update(state="scheduled")
    ask(machine("vm-app-03"), by=cast.alice, kind="link")
    token_of(cast.alice)
    return cast


def real_values() -> dict[str, list[Any]]:
    """Of parameters in addresses: what there is."""
    return {
        "reference": [row.reference for row in AccessRequest.objects.all()],
        "number": list(PolicyVersion.objects.values_list("number", flat=True)) or [1],
        "grants": list(Grant.objects.values_list("pk", flat=True)),
        "machines": list(Machine.objects.values_list("pk", flat=True)),
        "sessions": list(LiveSession.objects.values_list("pk", flat=True)) or [1],
        "vendors": list(VendorContact.objects.values_list("pk", flat=True)),
        "tokens": list(ApiToken.objects.values_list("pk", flat=True)),
    }


def credentials(who: Person, how: str) -> dict[str, dict[str, str]]:
    if how == "token":
        return {"headers": token_of(who)[0].headers}
    name = django_settings.SESSION_COOKIE_NAME
    cookies = {name: signed_in(who).cookies[name].value, "csrftoken": CSRF}
    return {"headers": {"X-CSRFToken": CSRF}, "cookies": cookies}


@pytest.mark.parametrize("how", ["session", "token"])
@pytest.mark.usefixtures("world")
def test_every_operation_with_anything(how: str, capsys: pytest.CaptureFixture[str]) -> None:
    who = person("Zoe", *Role)
    reading, calling = token_of(who)[0].headers, credentials(who, how)
    app = get_wsgi_application()
    schema = openapi.from_wsgi("/api/v1/schema/?format=json", app, headers=reading)
    counts: Counter[str] = Counter()
    failures = []
    for found in schema.get_all_operations():
        operation = found.ok()
        if ONLY not in operation.label:
            continue
        for mode in GenerationMode:
            try:
                failures += fuzz(operation, mode, calling, counts)
            except FlakyStrategyDefinition:
                counts["cut short"] += 1  # a fault of what makes the cases, not of ours
        counts["operations"] += 1
    with capsys.disabled():
        told = ", ".join(f"{name} {n}" for name, n in sorted(counts.items()))
        print(f"\nfuzzed with a {how}: {told}")
    assert not failures, "\n\n".join(failures)


def fuzz(operation: Any, mode: GenerationMode, calling: Any, counts: Any) -> list[str]:
    """What went wrong. It is not raised: each call changes what the next one meets, so that what
    makes the cases could not repeat it."""
    cases = operation.as_strategy(generation_mode=mode)
    real, chance = real_values(), random.Random(SEED)
    failures: dict[str, str] = {}

    @seed(SEED)
    @settings(
        max_examples=max(1, EXAMPLES // 2),
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def one(case: Any) -> None:
        before = transaction.savepoint()
        ApiToken.objects.update(revoked_at=None, revoked_by=None)
        if case.path_parameters and chance.random() < 0.7:
            kind = operation.path.removeprefix("/api/v1/").split("/")[0]
            for name in case.path_parameters:
                values = real.get(name) or real.get(kind) or [1]
                case.path_parameters[name] = chance.choice(values)
        counts["cases"] += 1
        try:
            answer = case.call(**calling)
            counts[f"{answer.status_code // 100}xx"] += 1
            case.validate_response(answer, checks=CHECKS)
        except (Exception, BaseExceptionGroup) as failure:  # noqa: BLE001 - told of at the end
            transaction.savepoint_rollback(before)
            text = "".join(traceback.format_exception(failure))
            failures.setdefault(str(failure)[:200], f"{operation.label}, {mode.value}: {text}")
        else:
            transaction.savepoint_commit(before)

    one()
    return list(failures.values())
