"""Bob is away, Carol decides in his place, and nobody decides what they asked for themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.urls import reverse

from access import policy
from access.approvers import Pool, reckon
from access.clock import db_now
from access.errors import Invalid, NotAllowed, WrongState
from access.models import (
    AccessRequest,
    Decision,
    Deputy,
    LedgerEntry,
    Machine,
    Person,
    Role,
)
from access.rules.judgement import Source, Stage
from access.services.deputies import FARTHEST, LONGEST, name_deputy, take_back
from access.terms import digest_of
from tests.access.test_races import all_at_once
from tests.access.views.test_request_page import words
from tests.support import estate
from tests.support.browsers import Browser
from tests.support.cast import Cast, approve, ask, person

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.tasks.look.apply_async", lambda *_args, **_options: None)
    monkeypatch.setattr("access.notices.gathering.wake_routes", lambda _names: None)


@pytest.fixture
def carol(cast: Cast) -> Person:
    return person("Carol", Role.ENGINEER, Role.APPROVER)


@pytest.fixture
def vm(db: None) -> Machine:
    return estate.machine()


def named(approver: Person, deputy: Person, *, hours: float = 8, ahead: float = 0) -> Deputy:
    start = db_now() + timedelta(hours=ahead)
    return name_deputy(deputy, start, start + timedelta(hours=hours), by=approver)


def refused(**wanted: object) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        name_deputy(**wanted)  # type: ignore[arg-type]
    assert Deputy.objects.count() == 0
    return caught.value.fields


def lines(event: str) -> list[LedgerEntry]:
    return list(LedgerEntry.objects.filter(event=event))


def test_bob_names_carol_and_the_ledger_knows(cast: Cast, carol: Person) -> None:
    row = named(cast.bob, carol)
    assert (row.approver, row.deputy, row.ended_at) == (cast.bob, carol, None)
    (line,) = lines("deputy.named")
    assert (line.actor_name, line.data["deputy"]) == ("Bob", "Carol")


def test_the_same_again_is_the_same_deputy(cast: Cast, carol: Person) -> None:
    start = db_now()
    first = name_deputy(carol, start, start + HOUR, by=cast.bob)
    again = name_deputy(carol, start + timedelta(seconds=2), start + HOUR, by=cast.bob)
    assert first == again
    assert len(lines("deputy.named")) == 1


@pytest.mark.parametrize("who", ["alice", "dana", "erin"])
def test_who_decides_nothing_names_nobody(who: str, cast: Cast, carol: Person) -> None:
    """Not even an administrator, for others: what is handed over is one's own."""
    with pytest.raises(NotAllowed):
        named(getattr(cast, who), carol)
    assert [line.outcome for line in lines("deputy.name.refused")] == ["denied"]
    assert Deputy.objects.count() == 0


def test_a_deputy_is_another_human(cast: Cast) -> None:
    start = db_now()
    period = {"starts_at": start, "ends_at": start + HOUR, "by": cast.bob}
    assert "That is you" in refused(deputy=cast.bob, **period)["deputy"]
    twin = person("Bob (admin account)", Role.APPROVER)
    Person.objects.filter(pk__in=[cast.bob.pk, twin.pk]).update(person_key="E-17")
    cast.bob.refresh_from_db()
    twin.refresh_from_db()
    assert "That is you" in refused(deputy=twin, **period)["deputy"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"is_active": False}, "can no longer sign in"),
        ({"is_guest": True}, "guest of another organisation"),
    ],
)
def test_a_deputy_can_sign_in_and_is_no_guest(
    changes: dict[str, bool], problem: str, cast: Cast, carol: Person
) -> None:
    Person.objects.filter(pk=carol.pk).update(**changes)
    start = db_now()
    said = refused(deputy=carol, starts_at=start, ends_at=start + HOUR, by=cast.bob)
    assert problem in said["deputy"]


def test_a_deputy_is_an_approver_already_and_the_page_says_what_to_do(cast: Cast) -> None:
    start = db_now()
    said = refused(deputy=cast.alice, starts_at=start, ends_at=start + HOUR, by=cast.bob)
    assert "ask an administrator to give Alice the role" in said["deputy"]


def test_periods_have_bounds(cast: Cast, carol: Person) -> None:
    now = db_now()

    def problem(start: datetime, end: datetime) -> dict[str, str]:
        return refused(deputy=carol, starts_at=start, ends_at=end, by=cast.bob)

    assert "in the past" in problem(now - HOUR, now + HOUR)["starts_at"]
    assert "after the start" in problem(now + HOUR, now + HOUR)["ends_at"]
    assert "after the start" in problem(now + 2 * HOUR, now + HOUR)["ends_at"]
    assert "60 days" in problem(now, now + LONGEST + HOUR)["ends_at"]
    assert "365 days" in problem(now + FARTHEST + HOUR, now + FARTHEST + 2 * HOUR)["starts_at"]


def test_one_deputy_at_a_time(cast: Cast, carol: Person) -> None:
    dave = person("Dave", Role.APPROVER)
    named(cast.bob, carol)
    with pytest.raises(Invalid, match="Carol is your deputy in that time"):
        named(cast.bob, dave, ahead=4)
    assert named(cast.bob, dave, ahead=9).deputy == dave


def test_two_who_rely_on_each_other_would_leave_nobody(cast: Cast, carol: Person) -> None:
    named(carol, cast.bob)
    with pytest.raises(Invalid, match="nobody would decide"):
        named(cast.bob, carol, ahead=4)
    assert named(cast.bob, carol, ahead=9)


def test_a_circle_of_three_is_found_and_a_chain_is_none(cast: Cast, carol: Person) -> None:
    dave = person("Dave", Role.APPROVER)
    named(carol, dave)
    named(dave, cast.bob, ahead=4)
    with pytest.raises(Invalid, match="directly or through others"):
        named(cast.bob, carol, ahead=6)
    assert named(cast.bob, carol, hours=3)  # Carol and Dave are away at other times than all three


def only_bob_decides(asked: AccessRequest) -> AccessRequest:
    """As if the policy had named Bob alone when it was sent."""
    stage = Stage(sources=(Source("person", "bob"),))
    judgement = replace(asked.judgement, stages=(stage,))
    asked.policy = {"number": 0, "judgement": judgement.as_json()}
    asked.__dict__.pop("judgement")
    doors = asked.doors.select_related("machine")
    asked.terms_digest = digest_of(asked, doors)
    asked.save(update_fields=["policy", "terms_digest"])
    reckon(asked, Pool(db_now()))
    return asked


def test_carol_decides_in_bobs_place_and_it_says_so(
    cast: Cast,
    carol: Person,
    vm: Machine,
    browser: Browser,
) -> None:
    asked = only_bob_decides(ask(vm, by=cast.alice))
    with pytest.raises(NotAllowed, match="names other people"):
        approve(asked, by=carol)
    named(cast.bob, carol)
    assert asked.deciders.get(person=carol).on_behalf_of == cast.bob
    approve(asked, by=carol)
    assert Decision.objects.get().on_behalf_of == cast.bob
    text = words(browser(cast.alice).get(reverse("request", args=[asked.reference])))
    assert "Carol approved in the place of Bob" in text


def test_not_before_it_begins_nor_after_it_was_taken_back(
    cast: Cast, carol: Person, vm: Machine
) -> None:
    asked = only_bob_decides(ask(vm, by=cast.alice))
    row = named(cast.bob, carol, ahead=2)
    with pytest.raises(NotAllowed):
        approve(asked, by=carol)
    take_back(row, by=cast.bob)
    row = named(cast.bob, carol)
    take_back(row, by=cast.bob)
    assert not asked.deciders.filter(person=carol).exists()
    with pytest.raises(NotAllowed):
        approve(asked, by=carol)


def test_it_is_not_passed_on(cast: Cast, carol: Person, vm: Machine) -> None:
    """Carol stands in for Bob and names Dave for herself: Dave decides nothing of Bob's."""
    dave = person("Dave", Role.APPROVER)
    asked = only_bob_decides(ask(vm, by=cast.alice))
    named(cast.bob, carol)
    named(carol, dave)
    with pytest.raises(NotAllowed):
        approve(asked, by=dave)


def test_a_deputy_who_asked_does_not_decide_it(cast: Cast, carol: Person, vm: Machine) -> None:
    """Naming her is allowed; deciding her own request in Bob's place is not."""
    asked = ask(vm, by=carol)
    named(cast.bob, carol)
    with pytest.raises(NotAllowed, match="Nobody decides their own request"):
        approve(asked, by=carol)
    assert not asked.deciders.filter(person=carol).exists()
    assert Decision.objects.count() == 0
    assert approve(asked, by=cast.bob).state == "approved"


def test_nor_does_another_account_of_who_asked(cast: Cast, carol: Person, vm: Machine) -> None:
    Person.objects.filter(pk__in=[cast.alice.pk, carol.pk]).update(person_key="E-4")
    asked = ask(vm, by=Person.objects.get(pk=cast.alice.pk))
    named(cast.bob, Person.objects.get(pk=carol.pk))
    with pytest.raises(NotAllowed, match="under another account"):
        approve(asked, by=Person.objects.get(pk=carol.pk))


def test_taking_back_ends_it_at_once_and_only_once(cast: Cast, carol: Person) -> None:
    row = named(cast.bob, carol)
    ended = take_back(row, by=cast.bob)
    assert ended.ended_at is not None
    assert take_back(row, by=cast.bob).ended_at == ended.ended_at
    assert len(lines("deputy.taken_back")) == 1
    assert named(cast.bob, carol).pk != row.pk


def test_an_administrator_may_end_any_and_others_may_not(cast: Cast, carol: Person) -> None:
    row = named(cast.bob, carol)
    for other in (carol, cast.alice, cast.erin):
        with pytest.raises(NotAllowed):
            take_back(row, by=other)
    assert len(lines("deputy.take_back.refused")) == 3
    assert take_back(row, by=cast.dana).ended_at is not None


def test_what_is_over_cannot_be_taken_back(cast: Cast, carol: Person) -> None:
    row = named(cast.bob, carol)
    past = db_now() - HOUR
    Deputy.objects.filter(pk=row.pk).update(starts_at=past - HOUR, ends_at=past)
    with pytest.raises(WrongState, match="over already"):
        take_back(row, by=cast.bob)


# The page


def local(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M")


def test_bob_names_carol_on_the_page(cast: Cast, carol: Person, browser: Browser) -> None:
    bob, page = browser(cast.bob), reverse("deputies")
    html = bob.get(page).content.decode()
    assert '<option value="Carol (carol@example.test)">' in html
    assert "Bob (bob@example.test)" not in html
    sent = {"deputy": "carol", "starts": "", "ends": local(db_now() + 5 * HOUR), "reason": "Away"}
    answer = bob.post(page, sent, follow=True)
    assert "Carol is named as your deputy" in words(answer)
    assert Deputy.objects.get().reason == "Away"


def test_a_name_that_fits_several_or_nobody_is_asked_for_again(
    cast: Cast,
    carol: Person,
    browser: Browser,
) -> None:
    person("Carola", Role.APPROVER)
    ends = local(db_now() + 5 * HOUR)
    bob = browser(cast.bob)
    answer = bob.post(reverse("deputies"), {"deputy": "Carol", "ends": ends, "reason": "Holiday"})
    assert answer.status_code == 400
    assert "Several go by that" in words(answer)
    assert 'value="Holiday"' in answer.content.decode()
    assert "No approver goes by that" in words(
        bob.post(reverse("deputies"), {"deputy": "Alice", "ends": ends})
    )


def test_the_page_names_requests_that_the_deputy_cannot_decide(
    cast: Cast,
    carol: Person,
    vm: Machine,
    browser: Browser,
) -> None:
    asked = ask(vm, by=carol)
    named(cast.bob, carol)
    text = words(browser(cast.bob).get(reverse("deputies")))
    assert f"Carol asked for {asked.reference} and decides none of their own requests" in text


def test_carol_is_told_on_home_and_approvals_in_one_query(
    cast: Cast,
    carol: Person,
    browser: Browser,
    django_assert_num_queries,
) -> None:
    from access.presenters.deputies import standing_in

    named(cast.bob, carol)
    client = browser(carol)
    for name in ("home", "approvals"):
        assert "You stand in for Bob until" in words(client.get(reverse(name)))
    now = db_now()
    assert policy.has(carol, policy.Act.DECIDE)  # read once for each page, before
    with django_assert_num_queries(1):
        assert len(standing_in(carol, now)) == 1
    assert "stand in" not in words(browser(cast.bob).get(reverse("approvals")))


def test_taking_back_asks_first(cast: Cast, carol: Person, browser: Browser) -> None:
    row = named(cast.bob, carol)
    bob, page = browser(cast.bob), reverse("deputy-end", args=[row.pk])
    assert "End Carol\u2019s time as deputy?" in words(bob.get(page))
    assert Deputy.objects.get().ended_at is None
    assert "no longer decides" in words(bob.post(page, follow=True))
    assert Deputy.objects.get().ended_at is not None
    assert "Carol no longer decides for Bob" in words(bob.get(page))


def test_an_administrator_sees_and_ends_them(cast: Cast, carol: Person, browser: Browser) -> None:
    row = named(cast.bob, carol)
    dana = browser(cast.dana)
    assert "Carol for Bob" in words(dana.get(reverse("deputies")))
    dana.post(reverse("deputy-end", args=[row.pk]))
    assert Deputy.objects.get().ended_at is not None


def test_an_auditor_reads_and_an_engineer_does_not(
    cast: Cast,
    carol: Person,
    browser: Browser,
) -> None:
    row = named(cast.bob, carol)
    page = reverse("deputy-end", args=[row.pk])
    assert "Carol for Bob" in words(browser(cast.erin).get(reverse("deputies")))
    assert browser(cast.erin).post(page).status_code == 403
    assert browser(cast.alice).get(reverse("deputies")).status_code == 403
    assert browser(cast.alice).get(page).status_code == 404
    assert Deputy.objects.get().ended_at is None


def test_a_time_that_the_clocks_skip_is_given_back(
    cast: Cast,
    carol: Person,
    browser: Browser,
) -> None:
    Person.objects.filter(pk=cast.bob.pk).update(zone="Europe/Berlin")
    sent = {"deputy": "Carol", "starts": "", "ends": "2027-03-28T02:30"}
    answer = browser(cast.bob).post(reverse("deputies"), sent)
    assert answer.status_code == 400
    assert "does not exist in Europe/Berlin" in words(answer)


def test_hostile_reasons_stay_words(cast: Cast, carol: Person, browser: Browser) -> None:
    start = db_now()
    hostile = "<script>alert(1)</script>\u202e\x07"
    name_deputy(carol, start, start + HOUR, by=cast.bob, reason=hostile)
    assert Deputy.objects.get().reason == "<script>alert(1)</script>"
    assert "<script>alert" not in browser(cast.bob).get(reverse("deputies")).content.decode()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_who_name_each_other_at_the_same_moment(transactional_db: None) -> None:
    """One of them is refused: both rows of people are locked, in one order."""
    cast, carol = Cast.create(), person("Carol", Role.APPROVER)
    pair = (lambda: named(cast.bob, carol), lambda: named(carol, cast.bob))
    results = all_at_once(*pair)
    assert sorted(type(result).__name__ for result in results) == ["Deputy", "Invalid"]
    assert Deputy.objects.count() == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_double_click_names_once(transactional_db: None) -> None:
    cast, carol, start = Cast.create(), person("Carol", Role.APPROVER), db_now()
    results = all_at_once(
        *[lambda: name_deputy(carol, start, start + HOUR, by=cast.bob)] * 8,
    )
    assert len({result.pk for result in results}) == 1
