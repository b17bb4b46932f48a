"""What the form says of the policy before anything is sent."""

from __future__ import annotations

from datetime import timedelta

from access.clock import db_now
from access.models import AccessRequest, Deputy, Machine, Person, PersonRole, Role
from tests.access.views.conftest import Browser
from tests.access.views.test_request_page import words
from tests.support.cast import Cast, approved, person
from tests.support.ruling import TWO_STAGES, one_approver, put_in_force

PATH = "/requests/new/"


def form(client, vm: Machine) -> str:
    return words(client.get(PATH, {"machine": vm.pk}))


def preview(client, vm: Machine, **typed: str) -> str:
    sent = {"machine": vm.pk, "way": "window:22", "minutes": "60", "when": "now"} | typed
    return words(client.get(f"{PATH}preview/", sent))


def test_who_decides_and_who_is_told(cast: Cast, vm, carol: Person, browser: Browser):
    person("Sven", Role.APPROVER)
    put_in_force(TWO_STAGES)
    text = form(browser(cast.alice), vm)
    assert "Needs one of 2 people (Payments), then one of 2 people (Security)." in text
    assert "1. Payments Bob, Carol They are told as soon as it is sent." in text
    assert "2. Security Carol, Sven They are told when it is their turn." in text
    assert "By the rule “Everything”." in text


def test_a_deputy_is_named_with_whom_they_stand_in_for(
    cast: Cast, vm, carol: Person, browser: Browser
):
    now = db_now()
    Deputy.objects.create(
        approver=cast.bob, deputy=carol, starts_at=now, ends_at=now + timedelta(days=1),
        created_at=now,
    )  # fmt: skip
    put_in_force(
        "{version: 1, groups: {leads: [bob]}, rules: [{name: Leads, max_minutes: 60, "
        "approvals: [{from: [{group: leads}]}]}]}"
    )
    assert "Bob, Carol for Bob" in form(browser(cast.alice), vm)


def test_the_usual_wait_is_told_once_it_is_known(cast: Cast, vm, browser: Browser):
    alice = browser(cast.alice)
    for _ in range(3):
        approved(vm, by=cast.alan, approver=cast.bob)
    sent = db_now() - timedelta(minutes=12, seconds=30)
    AccessRequest.objects.update(created_at=sent)
    assert "Usual wait 12 min." in form(alice, vm)


def test_what_the_policy_asks_is_listed(cast: Cast, vm, browser: Browser):
    put_in_force(
        one_approver(
            max_minutes=120,
            ticket={"required": True, "pattern": "(INC|CHG)-[0-9]{5}"},
            step_up=True,
            scheduled=False,
            end="soft",
            grace_minutes=10,
            extension={"most": 1, "max_minutes": 30},
        )
    )
    html = form(browser(cast.alice), vm)
    assert "A ticket. Such as INC-12345." in html
    assert "Whoever approves it must sign in anew" in html
    assert "No start in the future" in html
    assert "At most 2 h; a way in may allow less." in html
    assert "may finish for 10 min" in html
    assert "More time can be asked for once, up to 30 min each." in html
    assert "Ticket (optional)" not in html


def test_only_lengths_that_the_policy_allows_are_offered(cast: Cast, vm, browser: Browser):
    put_in_force(one_approver(max_minutes=60))
    html = browser(cast.alice).get(PATH, {"machine": vm.pk}).content.decode()
    assert 'name="minutes" value="60"' in html
    assert 'name="minutes" value="120"' not in html
    assert 'data-lengths="30 60"' in html


def test_that_no_rule_allows_it_is_said_before_it_is_sent(cast: Cast, vm, browser: Browser):
    put_in_force(
        "{version: 1, rules: [{name: Short ones, when: {minutes: {at_most: 30}}, max_minutes: 30, "
        "approvals: [{from: [{role: approver}]}]}]}"
    )
    text = preview(browser(cast.alice), vm)
    assert "This would be refused." in text
    assert "No rule of the policy allows this." in text
    assert "“Short ones” does not apply: minutes: 60, not at most 30." in text
    assert "one approver" in preview(browser(cast.alice), vm, minutes="30")


def test_a_rule_that_says_no_is_quoted_and_others_are_not(cast: Cast, vm, browser: Browser):
    put_in_force(
        "{version: 1, rules: [{name: Never this one, when: {machine: vm-app-*}, allow: false, "
        "why: It is being retired.}, {name: Others, when: {machine: vm-other}, max_minutes: 60, "
        "approvals: [{from: [{role: approver}]}]}]}"
    )
    text = form(browser(cast.alice), vm)
    assert "This would be refused. It is being retired." in text
    assert "Not as things stand: It is being retired." in text
    assert "does not apply" not in text


def test_that_nobody_could_approve_it_is_said(cast: Cast, vm, browser: Browser):
    PersonRole.objects.filter(role="approver").delete()
    assert "No eligible approver." in form(browser(cast.alice), vm)


def test_a_rule_that_approves_by_itself_is_named(cast: Cast, vm, browser: Browser):
    put_in_force(
        "{version: 1, rules: [{name: Tests, when: {production: false}, max_minutes: 60, "
        "auto_approve: true}]}"
    )
    assert "Approved at once by the policy, without people." in form(browser(cast.alice), vm)
