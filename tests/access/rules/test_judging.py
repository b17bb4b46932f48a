"""What a policy says of one request."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.models import Role
from access.rules.builtin import builtin
from access.rules.judgement import Asked, Judgement, Source
from access.rules.reading_when import ROLES
from tests.access.rules.makers import asked, askeds, policy, rule

ZURICH = ZoneInfo("Europe/Zurich")


def test_the_roles_of_the_language_are_the_products_roles():
    assert set(ROLES) == set(Role.values)


def test_the_built_in_policy_is_one_approver_for_everything():
    judgement = builtin(max_minutes=2880, lapse_minutes=480).judge(asked(production=True))
    assert judgement.allowed
    assert judgement.scheduled
    assert [(s.sources, s.needed) for s in judgement.stages] == [((Source("role", "approver"),), 1)]
    assert (judgement.max_minutes, judgement.lapse_minutes) == (2880, 480)
    assert not judgement.break_glass.allowed
    assert not judgement.auto_approve
    assert judgement.end == "hard"


def test_the_first_rule_that_matches_decides():
    two = policy(rule("Payments", when={"machine": "vm-pay-*"}, max_minutes=30), rule("Rest"))
    assert two.judge(asked()).rules == ("Payments",)
    assert two.judge(asked()).max_minutes == 30
    assert two.judge(asked(machine="vm-web-01")).rules == ("Rest",)


def test_what_no_rule_matches_is_not_allowed():
    judgement = policy(rule(when={"port": 3389})).judge(asked())
    assert not judgement.allowed
    assert judgement.why_not == "No rule of the policy allows this."


def test_a_rule_may_refuse_and_says_why():
    refusing = policy(rule(when={"port": 22}), {"name": "No", "allow": False, "why": "Frozen."})
    judgement = refusing.judge(asked(port=23))
    assert (judgement.allowed, judgement.why_not) == (False, "Frozen.")


@pytest.mark.parametrize(
    ("when", "matches"),
    [
        ({"subscription": "payments"}, True),
        ({"subscription": ["1111"]}, True),
        ({"subscription": "pay"}, False),
        ({"resource_group": "RG-*"}, True),
        ({"machine": ["vm-web-*", "vm-pay-0*"]}, True),
        ({"tags": {"Environment": "DEV"}}, True),
        ({"tags": {"environment": "dev", "tier": "*"}}, False),
        ({"tags": {"environment": ["test", "d*v"]}}, True),
        ({"production": False}, True),
        ({"production": True}, False),
        ({"region": "*europe"}, True),
        ({"os": "windows"}, False),
        ({"kind": "window"}, True),
        ({"port": [3389, "20-25"]}, True),
        ({"port": "23-25"}, False),
        ({"minutes": {"at_most": 60}}, True),
        ({"minutes": {"at_least": 61}}, False),
        ({"requester": "leads"}, False),
        ({"role": ["engineer"]}, True),
        ({"role": "admin"}, False),
        ({"owner": "payments"}, True),
        ({"vendor_domain": "*"}, False),
        ({"machine": "vm-pay-01", "os": "windows"}, False),
        ({"time": {"days": "mon-fri", "from": "08:00", "to": "18:00", "zone": "UTC"}}, True),
        ({"time": {"days": ["sat", "sun"], "zone": "UTC"}}, False),
    ],
)
def test_all_conditions_must_hold(when: dict[str, Any], matches: bool):
    tried = policy(rule(when=when), groups={"leads": ["test/bob"]})
    assert tried.judge(asked()).allowed is matches


def test_groups_name_accounts_with_their_tenant_or_by_object_alone():
    named = policy(rule(), groups={"leads": ["test/Bob", "carol"], "others": ["other/bob"]})
    assert named.groups_of("test/bob") == {"leads"}
    assert named.groups_of("anywhere/carol") == {"leads"}
    assert named.groups_of("other/bob") == {"others"}
    assert named.groups_of("third/bob") == frozenset()


def test_the_owner_is_the_group_that_the_machines_tag_names():
    owned = policy(rule(approvals=[{"from": ["owner"]}]), groups={"Payments": ["test/bob"]})
    assert owned.judge(asked()).stages[0].sources == (Source("owner", "Payments"),)
    nobody = owned.judge(asked(owner="unheard-of")).stages[0].sources
    assert nobody == (Source("owner", "unheard-of"),)


def test_a_rules_own_keys_stand_instead_of_the_defaults():
    told = policy(
        rule("Own", when={"port": 22}, max_minutes=60, end="hard"),
        {"name": "Sandbox", "when": {"production": False}, "auto_approve": True},
        {"name": "Rest"},
        defaults={
            "max_minutes": 240,
            "end": "soft",
            "grace_minutes": 15,
            "approvals": [{"from": [{"role": "approver"}], "needed": 2}],
        },
    )
    own = told.judge(asked())
    assert (own.max_minutes, own.end, own.grace_minutes) == (60, "hard", 0)
    sandbox = told.judge(asked(port=80))
    assert sandbox.auto_approve
    assert sandbox.stages == ()
    rest = told.judge(asked(port=80, production=True))
    assert (rest.max_minutes, rest.end, rest.grace_minutes) == (240, "soft", 15)
    assert rest.stages[0].needed == 2


def test_explaining_names_the_first_condition_that_does_not_hold():
    two = policy(rule("Web", when={"machine": "vm-web-*", "port": 443}), rule("Rest"))
    assert two.explain(asked()) == [
        ("Web", False, "machine: vm-pay-01, not vm-web-*"),
        ("Rest", True, ""),
    ]


@given(askeds)
def test_there_is_an_answer_to_everything(anything: Asked):
    """Judging never raises, never approves production by itself, and the first match decides."""
    judged = EVERYTHING.judge(anything)
    assert isinstance(judged, Judgement)
    assert not (anything.production and judged.auto_approve)
    assert judged.allowed or judged.why_not
    matching = [name for name, matched, _ in EVERYTHING.explain(anything) if matched]
    assert judged.rules == tuple(matching[:1])
    assert Judgement.from_json(judged.as_json()) == judged


def test_production_is_never_approved_by_a_rule_even_if_one_got_in():
    """The validator refuses such a rule; should it ever be wrong, judging is not."""
    sandbox = policy({"name": "Sandbox", "when": {"production": False}, "auto_approve": True})
    smuggled = type(sandbox)(
        groups={},
        rules=tuple(type(r)(r.name, {}, r.verdict) for r in sandbox.rules),
        document=sandbox.document,
    )
    assert smuggled.judge(asked()).auto_approve
    judgement = smuggled.judge(asked(production=True))
    assert not judgement.allowed
    assert not judgement.auto_approve


def night(**changes: Any) -> dict[str, Any]:
    hours = {"days": "sat", "from": "22:00", "to": "06:00", "zone": "Europe/Zurich"} | changes
    return rule("Night", when={"time": hours})


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        (datetime(2026, 3, 28, 21, 59, tzinfo=ZURICH), False),
        (datetime(2026, 3, 28, 22, 0, tzinfo=ZURICH), True),
        (datetime(2026, 3, 29, 1, 59, tzinfo=ZURICH), True),
        (datetime(2026, 3, 29, 3, 0, tzinfo=ZURICH), True),  # an hour was skipped
        (datetime(2026, 3, 29, 5, 59, tzinfo=ZURICH), True),
        (datetime(2026, 3, 29, 6, 0, tzinfo=ZURICH), False),
        (datetime(2026, 3, 29, 22, 30, tzinfo=ZURICH), False),  # Sunday's own night
        (datetime(2026, 10, 25, 2, 30, fold=0, tzinfo=ZURICH), True),
        (datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZURICH), True),  # the hour comes twice
        (datetime(2026, 10, 25, 6, 0, tzinfo=ZURICH), False),
    ],
)
def test_a_night_belongs_to_the_day_it_begins_on_whatever_the_clocks_do(
    moment: datetime, inside: bool
):
    assert policy(night()).judge(asked(start=moment.astimezone(UTC))).allowed is inside


def test_hours_may_ask_for_the_start_for_all_or_for_any_of_the_time():
    late = datetime(2026, 3, 7, 21, 30, tzinfo=ZURICH)  # half an hour too early
    assert not policy(night()).judge(asked(start=late)).allowed
    assert policy(night(covering="any")).judge(asked(start=late)).allowed
    eve = datetime(2026, 3, 8, 5, 30, tzinfo=ZURICH)  # half an hour is left
    assert policy(night()).judge(asked(start=eve)).allowed
    assert not policy(night(covering="all")).judge(asked(start=eve)).allowed
    assert policy(night(covering="all")).judge(asked(start=eve, minutes=30)).allowed


def test_the_spring_night_is_an_hour_shorter():
    start = datetime(2026, 3, 28, 22, 0, tzinfo=ZURICH)
    all_of_it = policy(night(covering="all"))
    assert all_of_it.judge(asked(start=start, minutes=7 * 60)).allowed
    assert not all_of_it.judge(asked(start=start, minutes=8 * 60)).allowed


def test_whole_days_in_a_row_are_one_time():
    week = rule(when={"time": {"days": "mon-fri", "zone": "UTC", "covering": "all"}})
    tuesday = datetime(2026, 3, 3, 23, 0, tzinfo=UTC)
    assert policy(week).judge(asked(start=tuesday, minutes=120)).allowed
    friday = datetime(2026, 3, 6, 23, 0, tzinfo=UTC)
    assert not policy(week).judge(asked(start=friday, minutes=120)).allowed


@given(st.integers(0, 366 * 24 * 60), st.sampled_from(["UTC", "Europe/Zurich", "Pacific/Apia"]))
def test_a_night_and_the_day_after_it_leave_no_moment_out(minutes: int, zone: str):
    both = policy(
        rule("Night", when={"time": {"from": "22:00", "to": "06:00", "zone": zone}}),
        rule("Day", when={"time": {"from": "06:00", "to": "22:00", "zone": zone}}),
    )
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    matched = [m for _, m, _ in both.explain(asked(start=moment))]
    assert sorted(matched) == [False, True]


ALL_DAY = {"days": "mon-fri", "zone": "UTC", "covering": "all"}
ANY_TIME = {"days": "sun", "zone": "UTC", "covering": "any"}
NIGHT = {"from": "22:00", "to": "06:00", "zone": "Europe/Zurich"}
AUTO = {"name": "Auto", "auto_approve": True}
REFUSED = {"name": "Refused", "allow": False, "why": "No vendors."}
EVERYTHING = policy(
    rule("Night", when={"time": NIGHT, "port": 22}),
    rule("All day", when={"time": ALL_DAY}),
    rule("Any", when={"time": ANY_TIME, "os": "linux"}),
    rule("Tags", when={"tags": {"a": "*"}}),
    rule("Owner", when={"owner": "leads"}, approvals=[{"from": ["owner", "manager"]}]),
    AUTO | {"when": {"production": False, "machine": "a*b*"}},
    REFUSED | {"when": {"vendor_domain": "*"}},
    rule("Short", when={"minutes": {"at_most": 60}, "requester": "leads"}),
    rule("Ports", when={"port": ["1-1000"]}),
    groups={"leads": ["test/bob"], "security": ["test/dana"]},
)
