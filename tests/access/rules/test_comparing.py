"""The strictest of several judgements, and what became stricter since."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.rules.combining import combine
from access.rules.judgement import BreakGlass, Extension, Judgement, Source, Stage
from access.rules.objections import objections
from access.rules.stricter import tightened
from tests.access.rules.makers import judgements

LEADS = Stage((Source("group", "leads"),), label="Payments leads")
SECURITY = Stage((Source("group", "security"),), label="Security")
ANYBODY = Stage((Source("role", "approver"),))
NEW_STAGE = "needs 1 approval in stage Security, which was not asked for"
PLAIN = Judgement(rules=("Plain",), stages=(LEADS,), max_minutes=240)


def test_two_machines_ask_for_all_that_each_asks_for():
    strict = Judgement(
        rules=("Strict",),
        stages=(LEADS, SECURITY),
        max_minutes=60,
        notice_minutes=30,
        ticket_required=True,
        ticket_patterns=("CHG[0-9]+",),
        step_up=True,
        extension=Extension(0, 240),
        end="hard",
        break_glass=BreakGlass((Source("group", "oncall"), Source("role", "engineer")), 30),
    )
    loose = Judgement(
        rules=("Loose",),
        auto_approve=True,
        ticket_patterns=("[A-Z]+[0-9]+",),
        end="soft",
        grace_minutes=15,
        break_glass=BreakGlass((Source("group", "oncall"),), 60),
    )
    both = combine([loose, strict])
    assert both.rules == ("Loose", "Strict")
    assert both.stages == (LEADS, SECURITY)
    assert not both.auto_approve
    assert (both.max_minutes, both.notice_minutes, both.step_up) == (60, 30, True)
    assert both.ticket_required
    assert both.ticket_patterns == ("[A-Z]+[0-9]+", "CHG[0-9]+")
    assert both.extension.most == 0
    assert (both.end, both.grace_minutes) == ("hard", 0)
    assert both.break_glass == BreakGlass((Source("group", "oncall"),), 30)


def test_what_one_machine_refuses_is_refused_with_its_reason():
    refused = Judgement(allowed=False, why_not="Frozen.")
    both = combine([PLAIN, refused, refused])
    assert (both.allowed, both.why_not) == (False, "Frozen.")
    assert not combine([]).allowed


def test_stages_that_ask_the_same_people_are_one_with_the_greater_number():
    both = combine([PLAIN, replace(PLAIN, stages=(replace(LEADS, needed=2), SECURITY))])
    assert both.stages == (replace(LEADS, needed=2), SECURITY)


def test_a_later_stage_stays_behind_what_came_before_it_anywhere():
    other = Stage((Source("group", "network"),))
    both = combine(
        [replace(PLAIN, stages=(LEADS, SECURITY)), replace(PLAIN, stages=(other, SECURITY))]
    )
    assert both.stages == (LEADS, other, SECURITY)


def test_a_stage_is_widened_only_where_every_rule_widens_it():
    wide = replace(LEADS, escalate_after=30, escalate_to=(Source("role", "approver"),))
    later = replace(wide, escalate_after=60)
    assert combine([replace(PLAIN, stages=(wide,)), PLAIN]).stages[0].escalate_to == ()
    both = combine([replace(PLAIN, stages=(wide,)), replace(PLAIN, stages=(later,))])
    assert both.stages[0].escalate_after == 60


@given(st.lists(judgements, min_size=1, max_size=4))
def test_combining_is_never_laxer_than_any_part(parts: list[Judgement]):
    whole = combine(parts)
    for part in parts:
        assert tightened(whole, part) == []
        assert not whole.allowed or part.allowed
        assert whole.extension.most <= part.extension.most
        assert set(whole.break_glass.sources) <= set(part.break_glass.sources)
        assert whole.break_glass.max_minutes <= part.break_glass.max_minutes
        assert whole.lapse_minutes <= part.lapse_minutes
        assert not whole.auto_approve or part.auto_approve


@given(st.lists(judgements, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_the_machines_changes_nothing_but_orders(parts, random):
    shuffled = list(parts)
    random.shuffle(shuffled)
    one, other = combine(parts), combine(shuffled)
    assert tightened(one, other) == tightened(other, one) == []
    for name in ("allowed", "max_minutes", "end", "grace_minutes", "extension", "lapse_minutes"):
        assert getattr(one, name) == getattr(other, name)
    assert {frozenset(s.sources): s.needed for s in one.stages} == {
        frozenset(s.sources): s.needed for s in other.stages
    }


@given(judgements)
def test_combining_one_with_itself_asks_the_same_and_nothing_is_tightened(one: Judgement):
    assert tightened(one, one) == []
    twice = combine([one, one])
    assert tightened(one, twice) == tightened(twice, one) == []


@given(judgements, judgements)
def test_what_is_combined_with_more_is_never_relaxed(one: Judgement, other: Judgement):
    """Whenever something is tightened, combining takes it up."""
    if one.allowed and other.allowed and tightened(one, other):
        assert tightened(one, combine([one, other]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"allowed": False, "why_not": "Frozen."}, "not allowed any more: Frozen."),
        (
            {"stages": (replace(LEADS, needed=2),)},
            "needs 2 approvals in stage Payments leads, was 1",
        ),
        ({"stages": (LEADS, SECURITY)}, NEW_STAGE),
        ({"stages": (SECURITY,)}, NEW_STAGE),
        ({"stages": ()}, "nobody is named any more who could approve it"),
        ({"ticket_required": True}, "needs a ticket"),
        ({"ticket_patterns": ("X",)}, "needs a ticket that matches X"),
        ({"max_minutes": 60}, "at most 60 minutes, was 240"),
        ({"notice_minutes": 60}, "must be asked 60 minutes ahead, was 0"),
        ({"step_up": True}, "needs signing in anew"),
        ({"scheduled": False}, "cannot be asked for a later time any more"),
    ],
)
def test_what_is_stricter_is_said_in_words(change, words):
    now = replace(PLAIN, **change)
    assert tightened(PLAIN, now) == [words]
    if change.get("stages") not in ((), (SECURITY,)):
        assert tightened(now, PLAIN) == []  # the way back is none


def test_what_a_rule_approved_needs_people_now():
    auto = replace(PLAIN, auto_approve=True, stages=())
    assert tightened(auto, PLAIN)[0] == "needs people's approval, was approved by a rule"
    assert tightened(PLAIN, auto) == []


def test_an_end_that_leaves_less_time_is_stricter():
    soft = replace(PLAIN, end="soft", grace_minutes=30)
    assert tightened(soft, PLAIN) == ["ends at once, was with 30 minutes to finish"]
    assert tightened(soft, replace(soft, grace_minutes=5)) == ["leaves 5 minutes to finish, was 30"]


def test_other_words_for_the_same_people_or_more_people_are_not_stricter():
    assert tightened(PLAIN, replace(PLAIN, stages=(replace(LEADS, label="New name"),))) == []
    more = Stage((*LEADS.sources, *SECURITY.sources))
    assert tightened(PLAIN, replace(PLAIN, stages=(more,))) == []
    assert tightened(PLAIN, replace(PLAIN, stages=(ANYBODY,))) == []
    assert tightened(replace(PLAIN, stages=(ANYBODY,)), PLAIN) != []


def test_one_stage_of_then_does_not_answer_for_two_of_now():
    now = replace(PLAIN, stages=(LEADS, ANYBODY))
    assert len(tightened(PLAIN, now)) == 1


def test_a_lower_maximum_concerns_only_what_exceeds_it():
    now = replace(PLAIN, max_minutes=60)
    assert tightened(PLAIN, now, minutes=30) == []
    assert tightened(PLAIN, now, minutes=61) == ["at most 60 minutes, was 240"]


def test_what_is_filled_in_must_be_what_is_asked_for():
    ticket = {"ticket_required": True, "ticket_patterns": ("INC[0-9]+",)}
    strict = replace(PLAIN, max_minutes=60, notice_minutes=30, **ticket)
    assert objections(strict, minutes=60, ticket="INC1", ahead=30) == {}
    found = objections(strict, minutes=61, ticket="", ahead=None)
    assert set(found) == {"minutes", "ticket", "start"}
    assert "matches INC" in objections(strict, minutes=5, ticket="X", ahead=60)["ticket"]
    now_only = replace(PLAIN, scheduled=False)
    assert set(objections(now_only, minutes=5, ticket="", ahead=5)) == {"start"}
    refused = Judgement(allowed=False, why_not="Frozen.")
    assert objections(refused, minutes=5, ticket="", ahead=None) == {"policy": "Frozen."}
