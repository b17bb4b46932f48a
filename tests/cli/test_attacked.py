"""The command line attacked, by a portal, a network, or whoever names machines in Azure."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from access.models import AccessRequest, Machine, Person
from bastion_access import completing, keeping
from bastion_access.errors import CliError
from bastion_access.portal import Portal
from tests.cli.conftest import ROOT, Terminal
from tests.cli.test_portal import answering
from tests.support.cast import Cast, ask

Sits = Callable[[Person], Terminal]
# zsh evaluates what completion prints, and what stands between its double quotes once more: the
# first makes of the library's own escaping (``\$`` of ``$``) a quoted backslash and a command.
COMMANDS = [
    r"prod\$(touch owned)", "prod$(touch owned)", r"prod\`touch owned`", "prod`touch owned`",
    'prod"; touch owned; "', "prod'; touch owned; '", "prod)); touch owned; ((", "prod\n;touch x",
    "prod[link=x]${owned}", "prod:::owned", r"prod\\\$(touch owned)",
]  # fmt: skip
PROGRAM = "from bastion_access.app import app; app(prog_name='bastion-access')"
EVALUATED = re.compile(r"[$`\"'\\;&|<>(){}\[\]!#*?~=:]")


@pytest.mark.parametrize("evil", COMMANDS)
def test_a_tag_in_azure_runs_a_command_when_tab_is_pressed(
    monkeypatch: pytest.MonkeyPatch, evil: str
) -> None:
    known = {"machines": [["vm-1", evil], [evil, "x"]], "references": [["BA-000001", evil]]}
    monkeypatch.setattr(completing, "_known", lambda: known)
    for offered in (completing.machines_like(""), completing.targets_like("")):
        assert not [each for pair in offered for each in pair if EVALUATED.search(each)]
        assert "vm-1" in [word for word, _ in offered]


def test_what_zsh_is_told_to_evaluate(
    people: Cast, vm: Machine, sits: Sits, tmp_path: Path
) -> None:
    """All the way: the tag is the machine's environment, the program is as it is installed."""
    Machine.objects.update(environment=COMMANDS[0])
    ask(vm, by=people.alice)
    terminal = sits(people.alice)
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={
            **os.environ, "PYTHONPATH": str(ROOT / "cli"), "BASTION_ACCESS_URL": terminal.url,
            "_BASTION_ACCESS_COMPLETE": "complete_zsh",
            "_TYPER_COMPLETE_ARGS": "bastion-access request vm",
        },
        capture_output=True, text=True, timeout=60, check=False,
    ).stdout  # fmt: skip
    assert '"vm-app-01"' in told
    assert "$" not in told
    assert "\\" not in told


def test_a_list_without_an_end_holds_the_terminal() -> None:
    for empty in ([], None, {}):
        page = {"results": empty, "next": "https://x/?cursor=abc"}
        with answering([(200, {}, page)]) as (url, asked):
            assert list(Portal(url, "bax_x").rows("x/", most=9)) == []
        assert len(asked) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["http://{host}/api/v1/me/", "//{host}/x", "/api/v1/other/"])
def test_a_redirect_takes_the_token_along(status: int, to: str) -> None:
    with answering([(200, {}, {})]) as (elsewhere, there):
        moved = (status, {"Location": to.format(host=elsewhere.partition("//")[2])}, b"")
        with answering([moved]) as (url, asked):
            with pytest.raises(CliError, match="leads elsewhere"):
                Portal(url, "bax_x").get("me/")
            with pytest.raises(CliError, match="leads elsewhere"):
                Portal(url, "bax_x").post("device/token/", {"device_code": "secret"})
        assert len(asked) == 2
    assert there == []


def test_a_token_of_one_portal_goes_to_another(home: Path) -> None:
    """The address of the environment, or of ``--portal``, finds no token that is not its own."""
    keeping.keep(keeping.Kept("https://access.example.test", "bax_x"))
    for other in ("https://access.example.test:444", "https://access_example.test",
                  "https://access.example.test.evil.test"):  # fmt: skip
        assert keeping.kept_for(other) is None
    # Two addresses whose files would be called the same:
    keeping.keep(keeping.Kept("https://[2001:db8::1]", "bax_six"))
    assert keeping.kept_for("https://[2001:db8:1]") is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_token_that_others_can_read_is_used(home: Path, mode: int) -> None:
    where = keeping.keep(keeping.Kept("https://access.example.test", "bax_x"))
    assert where.stat().st_mode & 0o777 == 0o600
    where.chmod(mode)
    with pytest.raises(CliError):
        keeping.kept_for("https://access.example.test")


def test_a_link_in_place_of_the_file_is_followed(home: Path) -> None:
    where = keeping.keep(keeping.Kept("https://access.example.test", "bax_x"))
    other = home / "other.json"
    where.rename(other)
    where.symlink_to(other)
    with pytest.raises(CliError):
        keeping.kept_for("https://access.example.test")
    keeping.keep(keeping.Kept("https://access.example.test", "bax_y"))  # replaced, not followed
    assert "bax_x" in other.read_text()
    assert not where.is_symlink()


def test_what_waits_is_listed_for_whom_it_waits_for(people: Cast, vm: Machine, sits: Sits) -> None:
    """Others' requests that somebody else must decide are not among them."""
    asked = ask(vm, by=people.alice)
    found = sits(people.bob).json("list", "--waiting")["results"]
    assert [row["reference"] for row in found] == [asked.reference]
    AccessRequest.objects.get().deciders.all().delete()  # it is another's to decide now
    assert sits(people.bob).json("list", "--waiting")["results"] == []
    assert sits(people.dana).json("list", "--waiting")["results"] == []
