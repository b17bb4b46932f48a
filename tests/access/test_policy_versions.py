"""Changing the policy: dana proposes, dora puts it in force, and neither does both."""

from __future__ import annotations

import pytest

from access import ledger, ruling
from access.errors import Invalid, NotAllowed, WrongState
from access.models import LedgerEntry, Person, PolicyVersion, Role
from access.services.policies import install_first, propose, put_in_force, reject, withdraw
from tests.access.test_races import all_at_once
from tests.support.cast import Cast, ask, person
from tests.support.estate import machine

ONE_HOUR = """\
# Nobody needs longer.
version: 1
groups:
  leads: [test/bob, test/gina]
rules:
  - name: Short
    max_minutes: 60
    approvals:
      - from: [{group: leads}]
"""
TWO_HOURS = ONE_HOUR.replace("60", "120")


@pytest.fixture
def dora(cast: Cast) -> Person:
    return person("Dora", Role.ADMIN)


def proposed(cast: Cast, source: str = ONE_HOUR, *, based_on: int = 0) -> PolicyVersion:
    return propose(source, note="Shorter windows", by=cast.dana, based_on=based_on)


def in_force(cast: Cast, dora: Person, source: str = ONE_HOUR, based_on: int = 0) -> PolicyVersion:
    version = proposed(cast, source, based_on=based_on)
    return put_in_force(version, by=dora, digest=version.digest)


def events(version: PolicyVersion) -> list[str]:
    lines = LedgerEntry.objects.filter(reference=version.reference).order_by("seq")
    return list(lines.values_list("event", flat=True))


def refusals(event: str) -> list[str]:
    rows = LedgerEntry.objects.filter(event=f"access_policy.{event}.refused", outcome="denied")
    return [row.data["reason"] for row in rows.order_by("seq")]


class TestProposing:
    def test_dana_proposes_and_nothing_changes_yet(self, cast: Cast):
        version = proposed(cast)
        assert (version.number, version.state, version.based_on) == (1, "proposed", 0)
        assert version.source == ONE_HOUR
        assert version.digest == ruling.parse(version.document).digest
        assert ruling.policy_in_force().number == 0
        assert events(version) == ["access_policy.proposed"]

    @pytest.mark.parametrize("who", ["alice", "bob", "erin"])
    def test_only_an_administrator_proposes(self, who: str, cast: Cast):
        with pytest.raises(NotAllowed):
            propose(ONE_HOUR, note="Mine", by=getattr(cast, who), based_on=0)
        assert not PolicyVersion.objects.exists()
        assert len(refusals("propose")) == 1

    def test_all_that_is_wrong_is_said_at_once(self, cast: Cast):
        wrong = ONE_HOUR.replace("{group: leads}", "{group: leaders}").replace("60", "soon")
        with pytest.raises(Invalid) as refused:
            propose(wrong, note=" ", by=cast.dana, based_on=0)
        assert "note" in refused.value.fields
        assert len(refused.value.fields["source"].splitlines()) == 2

    def test_what_says_the_same_is_no_proposal(self, cast: Cast, dora: Person):
        in_force(cast, dora)
        same = "# Only another remark.\n" + ONE_HOUR
        with pytest.raises(Invalid, match="Nothing changes"):
            proposed(cast, same, based_on=1)

    def test_one_waits_at_a_time(self, cast: Cast, dora: Person):
        proposed(cast)
        with pytest.raises(WrongState, match="Version 1 already waits"):
            propose(TWO_HOURS, note="Longer", by=dora, based_on=0)
        assert refusals("propose")

    def test_sending_it_twice_proposes_once(self, cast: Cast):
        assert proposed(cast) == proposed(cast)
        assert LedgerEntry.objects.filter(event="access_policy.proposed").count() == 1

    def test_what_was_written_against_another_version_is_looked_at_again(
        self, cast: Cast, dora: Person
    ):
        in_force(cast, dora)
        with pytest.raises(WrongState, match="Version 1 was put in force since"):
            proposed(cast, TWO_HOURS, based_on=0)

    def test_numbers_go_on_after_a_rejection(self, cast: Cast, dora: Person):
        reject(proposed(cast), by=dora, comment="Too short")
        assert proposed(cast, TWO_HOURS).number == 2

    def test_line_ends_of_any_system_are_one_text(self, cast: Cast):
        assert proposed(cast, ONE_HOUR.replace("\n", "\r\n")).source == ONE_HOUR


class TestPuttingInForce:
    def test_another_administrator_does(self, cast: Cast, dora: Person):
        version = in_force(cast, dora)
        assert (version.state, version.decided_by) == ("active", dora)
        assert ruling.policy_in_force().number == 1
        assert events(version) == ["access_policy.proposed", "access_policy.in_force"]
        line = LedgerEntry.objects.get(event="access_policy.in_force")
        assert line.data["digest"] == version.digest
        assert line.data["before"] == {"number": 0, "digest": ruling.built_in().digest}
        assert ledger.verify()[1] is None

    def test_the_one_before_is_retired_in_the_same_moment(self, cast: Cast, dora: Person):
        first = in_force(cast, dora)
        second = in_force(cast, dora, TWO_HOURS, based_on=1)
        first.refresh_from_db()
        assert (first.state, second.state) == ("retired", "active")
        assert first.retired_at is not None
        line = LedgerEntry.objects.filter(event="access_policy.in_force").latest("seq")
        assert line.data["before"] == {"number": 1, "digest": first.digest}

    def test_dana_cannot_herself(self, cast: Cast):
        """X-06, X-73"""
        version = proposed(cast)
        with pytest.raises(NotAllowed, match="You proposed this"):
            put_in_force(version, by=cast.dana, digest=version.digest)
        assert ruling.policy_in_force().number == 0
        assert len(refusals("put_in_force")) == 1

    def test_dana_cannot_with_her_other_account(self, cast: Cast, dora: Person):
        version = proposed(cast)
        Person.objects.filter(pk__in=[cast.dana.pk, dora.pk]).update(person_key="dana-the-human")
        dora.refresh_from_db()
        with pytest.raises(NotAllowed, match="another account"):
            put_in_force(version, by=dora, digest=version.digest)
        with pytest.raises(NotAllowed, match="another account"):
            reject(version, by=dora, comment="No")
        assert ruling.policy_in_force().number == 0

    @pytest.mark.parametrize("who", ["alice", "bob", "erin"])
    def test_nobody_else_can(self, who: str, cast: Cast):
        version = proposed(cast)
        with pytest.raises(NotAllowed):
            put_in_force(version, by=getattr(cast, who), digest=version.digest)

    def test_one_who_was_deactivated_cannot(self, cast: Cast, dora: Person):
        version = proposed(cast)
        dora.is_active = False
        with pytest.raises(NotAllowed):
            put_in_force(version, by=dora, digest=version.digest)

    def test_only_what_was_shown(self, cast: Cast, dora: Person):
        version = proposed(cast)
        with pytest.raises(WrongState, match="not the policy that you were shown"):
            put_in_force(version, by=dora, digest="0" * 64)
        assert refusals("put_in_force")

    def test_only_what_is_still_written_against_the_one_in_force(self, cast: Cast, dora: Person):
        """The command line installed a first one meanwhile."""
        version = proposed(cast)
        install_first(TWO_HOURS, note="First")
        with pytest.raises(WrongState, match="look at the difference again"):
            put_in_force(version, by=dora, digest=version.digest)

    def test_a_text_that_was_changed_in_the_database_is_not_put_in_force(
        self, cast: Cast, dora: Person
    ):
        version = proposed(cast)
        PolicyVersion.objects.filter(pk=version.pk).update(source=TWO_HOURS)
        with pytest.raises(WrongState, match="no longer says"):
            put_in_force(version, by=dora, digest=version.digest)

    def test_twice_is_once(self, cast: Cast, dora: Person):
        version = in_force(cast, dora)
        assert put_in_force(version, by=dora, digest=version.digest).state == "active"
        assert LedgerEntry.objects.filter(event="access_policy.in_force").count() == 1

    def test_a_third_administrator_who_comes_late_is_told(self, cast: Cast, dora: Person):
        version = in_force(cast, dora)
        with pytest.raises(WrongState, match="already put in force by Dora"):
            put_in_force(version, by=person("Drew", Role.ADMIN), digest=version.digest)


class TestSayingNo:
    def test_a_rejection_says_why(self, cast: Cast, dora: Person):
        version = proposed(cast)
        with pytest.raises(Invalid, match="Say why"):
            reject(version, by=dora, comment=" ")
        done = reject(version, by=dora, comment="Too short")
        assert (done.state, done.comment) == ("rejected", "Too short")
        assert reject(version, by=dora, comment="Again").comment == "Too short"
        assert events(version)[-1] == "access_policy.rejected"

    def test_the_proposer_withdraws_but_nobody_else(self, cast: Cast, dora: Person):
        version = proposed(cast)
        with pytest.raises(NotAllowed):
            withdraw(version, by=dora)
        assert withdraw(version, by=cast.dana).state == "withdrawn"
        assert withdraw(version, by=cast.dana).state == "withdrawn"
        with pytest.raises(WrongState, match="already withdrawn"):
            put_in_force(version, by=dora, digest=version.digest)
        assert events(version) == [
            "access_policy.proposed",
            "access_policy.withdraw.refused",
            "access_policy.withdrawn",
            "access_policy.put_in_force.refused",
        ]


class TestTheFirst:
    def test_the_command_line_installs_it_once(self, db: None):
        first = install_first(ONE_HOUR, note="The demo's")
        assert (first.state, first.proposed_by) == ("active", None)
        assert install_first(ONE_HOUR, note="The demo's") == first
        line = LedgerEntry.objects.get(event="access_policy.in_force")
        assert (line.actor_kind, line.actor_name) == ("system", "command line")

    def test_but_not_where_one_has_been_in_force(self, cast: Cast, dora: Person):
        in_force(cast, dora)
        with pytest.raises(WrongState, match="in force already"):
            install_first(TWO_HOURS, note="Past the second administrator")
        assert len(refusals("install")) == 1
        assert ruling.policy_in_force().number == 1


class TestWhatWasAskedBefore:
    def test_a_pending_request_keeps_what_it_was_sent_under(self, cast: Cast, dora: Person):
        """X-06: whoever asks gains nothing by changing the policy while it waits."""
        asked = ask(machine(), by=cast.alice)
        before = asked.policy
        mine = ONE_HOUR.replace("[test/bob, test/gina]", "[test/alice]")
        in_force(cast, dora, mine)
        asked.refresh_from_db()
        assert asked.policy == before
        assert asked.policy["number"] == 0
        later = ask(machine("vm-2"), by=cast.alan)
        assert later.policy["number"] == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_of_two_proposals_one_waits(self, transactional_db: None):
        cast, dora = Cast.create(), person("Dora", Role.ADMIN)
        results = all_at_once(
            lambda: propose(ONE_HOUR, note="Mine", by=cast.dana, based_on=0),
            lambda: propose(TWO_HOURS, note="Mine", by=dora, based_on=0),
        )
        kinds = sorted(type(result).__name__ for result in results)
        assert kinds == ["PolicyVersion", "WrongState"]
        assert PolicyVersion.objects.get().number == 1
        assert ledger.verify()[1] is None

    def test_of_two_administrators_one_puts_it_in_force(self, transactional_db: None):
        cast = Cast.create()
        others = [person(f"Dora {n}", Role.ADMIN) for n in range(6)]
        version = proposed(cast)
        results = all_at_once(
            *[
                lambda who=who: put_in_force(version, by=who, digest=version.digest)
                for who in others
            ]
        )
        won = [result for result in results if isinstance(result, PolicyVersion)]
        lost = [result for result in results if isinstance(result, WrongState)]
        assert (len(won), len(lost)) == (1, 5)
        assert PolicyVersion.objects.filter(state="active").count() == 1
        assert LedgerEntry.objects.filter(event="access_policy.in_force").count() == 1

    def test_a_yes_and_a_no_at_once_are_one_of_them(self, transactional_db: None):
        cast, dora, drew = Cast.create(), person("Dora", Role.ADMIN), person("Drew", Role.ADMIN)
        version = proposed(cast)
        results = all_at_once(
            lambda: put_in_force(version, by=dora, digest=version.digest),
            lambda: reject(version, by=drew, comment="No"),
        )
        kinds = sorted(type(result).__name__ for result in results)
        assert kinds == ["PolicyVersion", "WrongState"]

    def test_proposing_and_asking_at_once_do_not_block(self, transactional_db: None):
        cast, dora = Cast.create(), person("Dora", Role.ADMIN)
        version, vms = proposed(cast), [machine(f"vm-{n}") for n in range(4)]
        results = all_at_once(
            lambda: put_in_force(version, by=dora, digest=version.digest),
            *[lambda vm=vm: ask(vm, by=cast.alice) for vm in vms],
        )
        assert not [result for result in results if isinstance(result, Exception)]
