"""Signing in and out: the person allows it on a page, the token is for this computer's owner."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from access.models import ApiToken, DeviceSignIn, LedgerEntry, Person
from access.services import devices
from bastion_access import keeping
from tests.cli.conftest import Terminal
from tests.support.cast import Cast

Sits = Callable[[Person], Terminal]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "INTERVAL", 1)


def answer_when_asked(by: Person, decide: Callable[..., None]) -> threading.Thread:
    """Somebody at the page, in a thread of their own: as soon as a program has asked."""
    from django.db import connection

    def wait_and_decide() -> None:
        try:
            for _ in range(100):
                asked = DeviceSignIn.objects.filter(polled_at__isnull=False).first()
                if asked is not None:
                    decide(asked, by=by)
                    return
                threading.Event().wait(0.05)
        finally:
            connection.close()

    made = threading.Thread(target=wait_and_decide)
    made.start()
    return made


class TestSignIn:
    def test_is_allowed_on_a_page_and_kept_for_the_owner_alone(
        self, people: Cast, terminal: Terminal
    ) -> None:
        person = answer_when_asked(people.alice, devices.allow)
        result = terminal.run("sign-in", terminal.url, "--no-browser")
        person.join()
        assert result.exit_code == 0, result.output
        assert "Signed in as  Alice" in result.stdout
        code = next(line for line in result.stderr.splitlines() if "Your code is" in line)[-9:]
        assert f"{terminal.url}/device/?code={code}" in result.stderr
        kept = keeping.kept_for(terminal.url)
        assert kept is not None
        assert kept.token not in result.output
        assert kept.token not in repr(kept)
        assert terminal.json("who")["name"] == "Alice"

    def test_anew_revokes_the_former_token(
        self, people: Cast, terminal: Terminal, sits: Sits
    ) -> None:
        sits(people.alice)
        former = ApiToken.objects.get()
        person = answer_when_asked(people.alice, devices.allow)
        terminal.ok("sign-in", "--no-browser", BASTION_ACCESS_URL=terminal.url)
        person.join()
        former.refresh_from_db()
        assert former.revoked_at is not None
        assert ApiToken.objects.filter(revoked_at=None).count() == 1
        assert terminal.run("who").exit_code == 0

    def test_is_refused(self, people: Cast, terminal: Terminal) -> None:
        person = answer_when_asked(people.alice, devices.refuse)
        result = terminal.run("sign-in", terminal.url, "--no-browser")
        person.join()
        assert result.exit_code == 5
        assert "refused" in result.stderr
        assert keeping.kept_for(terminal.url) is None

    def test_nobody_answers_in_time(
        self, people: Cast, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from datetime import timedelta

        monkeypatch.setattr(devices, "LASTS", timedelta(seconds=1))
        result = terminal.run("sign-in", terminal.url, "--no-browser")
        assert result.exit_code == 4

    def test_says_slower_when_it_is_told_to(
        self, people: Cast, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """RFC 8628, 3.5: each slow_down adds five seconds."""
        from bastion_access.commands import signing
        from bastion_access.errors import Refused
        from bastion_access.portal import Portal

        pauses: list[float] = []
        answers = iter(["authorization-pending", "slow-down", "slow-down"])

        def post(_self: Portal, _path: str, _body: object) -> dict[str, str]:
            kind = next(answers, None)
            if kind is not None:
                raise Refused(kind, "not yet")
            return {"token": "t"}

        monkeypatch.setattr(Portal, "post", post)
        monkeypatch.setattr(signing, "SLOWER", 5.0)
        monkeypatch.setattr(signing.time, "sleep", pauses.append)
        asked = {"interval": 3, "expires_in": 600, "device_code": "x"}
        assert signing._fetch(Portal(terminal.url), asked) == {"token": "t"}
        assert pauses == [3, 3, 8, 13]

    def test_json_tells_no_secret(self, people: Cast, terminal: Terminal) -> None:
        person = answer_when_asked(people.alice, devices.allow)
        told = terminal.json("sign-in", terminal.url, "--no-browser")
        person.join()
        assert set(told) == {
            "portal", "name", "mail", "identity", "roles", "zone", "how", "scopes", "token",
        }  # fmt: skip
        assert "token" not in (told["token"] or {})


class TestSignOut:
    def test_revokes_and_forgets(self, people: Cast, sits: Sits) -> None:
        terminal = sits(people.alice)
        assert terminal.json("sign-out") == {"portal": terminal.url, "signed_out": True}
        assert keeping.kept_for(terminal.url) is None
        assert ApiToken.objects.get().revoked_at is not None
        assert LedgerEntry.objects.filter(event="token.revoked").exists()
        assert terminal.run("who").exit_code == 3
        assert terminal.json("sign-out")["signed_out"] is False

    def test_a_token_that_the_portal_no_longer_knows_is_forgotten(
        self, people: Cast, sits: Sits
    ) -> None:
        terminal = sits(people.alice)
        ApiToken.objects.all().delete()
        assert terminal.run("who").exit_code == 3
        terminal.ok("sign-out")
        assert keeping.kept_for(terminal.url) is None

    def test_without_the_portal_it_is_forgotten_all_the_same(self, terminal: Terminal) -> None:
        dead = "http://127.0.0.1:9"
        keeping.keep(keeping.Kept(dead, "bax_x_y"))
        result = terminal.run("sign-out")
        assert result.exit_code == 1
        assert "could not be revoked" in " ".join(result.stderr.split())
        assert keeping.kept_for(dead) is None


class TestKeeping:
    def test_modes(self, home: Path) -> None:
        """X-50: no other account of this computer reads a token."""
        where = keeping.keep(keeping.Kept("https://access.example.test", "bax_secret"))
        assert stat.S_IMODE(where.stat().st_mode) == 0o600
        assert stat.S_IMODE(where.parent.stat().st_mode) == 0o700
        assert not list(where.parent.glob(".new-*"))

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
    def test_a_file_that_others_can_read_is_not_read(
        self, mode: int, terminal: Terminal, people: Cast, sits: Sits
    ) -> None:
        sits(people.alice)
        (where,) = (keeping.folder() / "tokens").iterdir()
        where.chmod(mode)
        result = terminal.run("who")
        assert result.exit_code == 1
        assert "can be read by others" in " ".join(result.stderr.split())

    def test_a_link_is_not_followed(self, terminal: Terminal, people: Cast, sits: Sits) -> None:
        sits(people.alice)
        (where,) = (keeping.folder() / "tokens").iterdir()
        other = where.rename(where.with_suffix(".other"))
        where.symlink_to(other)
        assert terminal.run("who").exit_code == 1

    def test_a_portal_gets_only_its_own(self, home: Path) -> None:
        keeping.keep(keeping.Kept("https://one.example.test", "bax_one"))
        assert keeping.kept_for("https://two.example.test") is None

    def test_the_environment_counts_first(
        self, people: Cast, sits: Sits, terminal: Terminal
    ) -> None:
        sits(people.alice)
        assert terminal.run("who", BASTION_ACCESS_TOKEN="bax_nobody_x").exit_code == 3
        odd = terminal.run("who", BASTION_ACCESS_TOKEN="bax\nX-Header: 1")
        assert odd.exit_code == 2
        assert "X-Header" not in odd.output
