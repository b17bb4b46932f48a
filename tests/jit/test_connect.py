"""The ways in: exact, never what the host would refuse, and deaf to whatever a name says."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest

from access.clock import db_now
from access.kinds import Command, Visit, Wishes
from access.models import Machine
from jit.connect import commands_for
from jit.connect.ports import SERVICES
from jit.connect.scripts import in_powershell
from tests.support.estate import host, machine

pytestmark = pytest.mark.django_db
HOSTILE = "vm-$(reboot)`id`;'x\"\n&%PATH%\u2019; Remove-Item C:\\ #"


def ways(vm: Machine, port: int, **wishes: Any) -> list[Command]:
    return commands_for(Visit(vm, vm.bastion, port, db_now(), Wishes(**wishes)))


def titles(commands: list[Command]) -> list[str]:
    return [command.title for command in commands if not command.filename]


def groups(commands: list[Command]) -> list[str]:
    return list(dict.fromkeys(command.group for command in commands))


def named(title: str, commands: list[Command]) -> Command:
    return next(command for command in commands if command.title == title)


def tunnel_end(commands: list[Command]) -> str:
    words = shlex.split(named("Tunnel", commands).text)
    return words[words.index("--port") + 1]


class TestLinux:
    def test_every_way_to_sign_in_with_entra_first(self) -> None:
        vm = machine("vm-l")
        found = ways(vm, 22)
        start = (
            f"az network bastion ssh --subscription {vm.subscription_id} --name bastion-hub "
            f"--resource-group rg-hub --target-resource-id {vm.resource_id}"
        )
        assert found[0].text == f"{start} --auth-type AAD"
        key = f"{start} --auth-type ssh-key --username azureuser --ssh-key ~/.ssh/id_ed25519"
        assert named("SSH with a key", found).text == key
        password = f"{start} --auth-type password --username azureuser"
        assert named("SSH with a password", found).text == password
        assert groups(found) == [
            "With Entra ID", "With an SSH key", "With a password", "Copy files",
            "A tunnel for any client", "Script: bash", "Script: PowerShell", "In the browser",
        ]  # fmt: skip

    def test_what_goes_through_the_tunnel_goes_to_its_end_and_knows_the_machine(self) -> None:
        vm = machine("vm-l")
        found = ways(vm, 22)
        end, alias = tunnel_end(found), f"HostKeyAlias={vm.vm_id}"
        assert f"--resource-port 22 --port {end}" in named("Tunnel", found).text
        assert shlex.split(named("scp", found).text)[:5] == ["scp", "-P", end, "-o", alias]
        assert shlex.split(named("sftp", found).text)[1:3] == ["-P", end]
        assert shlex.split(named("rsync", found).text)[3] == f"ssh -p {end} -o {alias}"
        assert shlex.split(named("ssh", found).text)[1:5] == ["-p", end, "-o", alias]

    def test_two_machines_get_two_ends_and_one_machine_always_the_same(self) -> None:
        one, other = machine("vm-one"), machine("vm-two")
        ends = [tunnel_end(ways(vm, 22)) for vm in (one, other, one)]
        assert ends[0] == ends[2] != ends[1]
        assert all(20_000 <= int(end) < 32_768 for end in ends)

    def test_alice_changes_her_name_and_the_end(self) -> None:
        found = ways(machine(), 22, user_name="alice", local_port=23456)
        assert "--username alice" in named("SSH with a key", found).text
        assert tunnel_end(found) == "23456"
        assert named("scp", found).text.endswith("alice@127.0.0.1:")
        assert "DEFAULT_PORT=23456\nDEFAULT_USER=alice\n" in script("bash", found)

    def test_remote_desktop_to_linux_takes_the_tunnel(self) -> None:
        found = ways(machine(), 3389)
        assert titles(found) == ["Tunnel", "mstsc", "In the browser"]
        assert "set port 3389" in found[-1].note

    def test_a_port_that_tells_nothing_gets_a_tunnel_and_names_itself(self) -> None:
        found = ways(machine(), 2222)
        assert found[0].title == "Tunnel"
        assert "--resource-port 2222" in found[0].text
        assert "--resource-port 2222" in named("SSH with Entra ID", found).text


class TestWindows:
    def test_remote_desktop_first(self) -> None:
        vm = machine("vm-w", os="windows")
        found = ways(vm, 3389)
        assert found[0].text == (
            f"az network bastion rdp --subscription {vm.subscription_id} --name bastion-hub "
            f"--resource-group rg-hub --target-resource-id {vm.resource_id}"
        )
        assert named("Remote Desktop with Entra ID", found).text.endswith("--auth-type AAD")
        assert named("mstsc", found).text == f"mstsc /v:127.0.0.1:{tunnel_end(found)}"
        assert not any("network bastion ssh" in command.text for command in found)

    def test_ssh_to_windows_knows_no_entra_and_no_rsync(self) -> None:
        found = ways(machine("vm-w", os="windows"), 22)
        assert titles(found)[:2] == ["SSH with a password", "SSH with a key"]
        assert not any("--auth-type AAD" in command.text for command in found)
        assert "rsync" not in titles(found)


@pytest.mark.parametrize("port", sorted(SERVICES))
def test_a_port_with_clients_of_its_own_gets_one_through_the_tunnel(port: int) -> None:
    found = ways(machine(), port, user_name="{port}")
    end = tunnel_end(found)
    told = found[0].note + (found[1].text if found[1].group == found[0].group else "")
    assert re.search(rf"\b{end}\b", told)
    assert not any("network bastion ssh" in command.text for command in found)
    assert "In the browser" not in groups(found)  # it speaks SSH and RDP


def test_a_database_is_asked_for_with_its_own_client() -> None:
    found = ways(machine(), 5432, user_name="alice", local_port=20001)
    assert named("psql", found).text == "psql -h 127.0.0.1 -p 20001 -U alice"
    found = ways(machine("vm-2"), 1433, user_name="alice", local_port=20001)
    assert named("sqlcmd", found).text == "sqlcmd -S tcp:127.0.0.1,20001 -U alice"


class TestWhatTheHostRefuses:
    @pytest.mark.parametrize("sku", ["Developer", "Basic", "Standard", "Premium", "", "Gold"])
    @pytest.mark.parametrize("tunneling", [True, False])
    @pytest.mark.parametrize("os", ["linux", "windows"])
    @pytest.mark.parametrize("port", [22, 3389, 2222, 5432])
    def test_is_never_offered(self, sku: str, *, tunneling: bool, os: str, port: int) -> None:
        vm = machine(os=os, bastion=host(sku=sku, tunneling=tunneling))
        found = ways(vm, port)
        upper = sku in {"Standard", "Premium"}
        clients = [command for command in found if command.language != "address"]
        assert bool(clients) == (upper and tunneling)
        in_browser = port == vm.login_port or (upper and port != 5432)
        assert ("In the browser" in groups(found)) == in_browser

    def test_and_the_way_that_is_left_says_what_is_missing(self) -> None:
        (only,) = ways(machine(bastion=host("basic", sku="Basic", tunneling=False)), 22)
        assert only.group == "In the browser"
        assert "needs Standard or Premium" in only.note

    def test_without_a_host_there_is_nothing(self) -> None:
        assert commands_for(Visit(machine(), None, 22, db_now())) == []


def test_the_browser_is_led_to_the_machines_own_page() -> None:
    vm = machine("vm-(x)&y#z")
    address = ways(vm, 22)[-1].text
    assert address.startswith("https://portal.azure.com/#@/resource/subscriptions/1111")
    assert address.endswith("/virtualMachines/vm-%28x%29%26y%23z/bastionHost")


class TestHostileNames:
    """X-60"""

    @pytest.mark.parametrize("port", [22, 3389, 5432, 2222])
    @pytest.mark.parametrize("os", ["linux", "windows"])
    def test_cannot_leave_their_place_in_a_command(self, os: str, port: int) -> None:
        vm = machine(HOSTILE, os=os, vm_id=HOSTILE)
        for command in ways(vm, port, user_name=HOSTILE):
            if command.language != "shell" or command.title == "mstsc":
                continue
            words = shlex.split(command.text)
            assert any(HOSTILE in word for word in words), command.title
            bare = command.text.replace("'\"'\"'", "").split("'")[::2]
            assert not re.search(r"[$`;&\n]", "".join(bare)), command.title

    def test_cannot_leave_their_quotes_in_powershell(self) -> None:
        """Typographic quotes end a literal there, too."""
        assert in_powershell("a'b\u2018c\u2019d") == "'a''b\u2018\u2018c\u2019\u2019d'"
        vm = machine(HOSTILE, bastion=host(HOSTILE, resource_group=HOSTILE), vm_id=HOSTILE)
        text = script("powershell", ways(vm, 22, user_name=HOSTILE))
        facts = text[text.index("$Machine = ") : text.index("if (-not $LocalPort)")]
        literal = r"'(?:[^'\u2018-\u201b]|(['\u2018-\u201b])\1)*'"
        assert re.fullmatch(rf"(?:\$[A-Za-z]+ = (?:{literal}|\d+)\n)+\n", facts)
        assert HOSTILE not in text.replace(facts, "")

    def test_give_a_file_a_harmless_name(self) -> None:
        found = ways(machine("../../etc/pass wd\r\nX: y"), 22)
        assert [c.filename for c in found if c.filename] == [
            "tunnel-etcpass-wd-x-y-22.sh",
            "tunnel-etcpass-wd-x-y-22.ps1",
        ]


def test_the_powershell_script_tears_down_whatever_happens() -> None:
    text = script("powershell", ways(machine(os="windows"), 3389))
    start, end = text.index("$tunnel = Start-Tunnel"), text.index("finally {\n    Stop-Tunnel")
    assert text.index("try {", text.index("$tunnel = $null")) < start < end
    assert "taskkill.exe /PID $tunnel.Id /T /F" in text
    assert "$ClientKind = 'rdp'" in text
    assert "(the facts of one access)" not in text
    for opening, closing in ("{}", "()", "[]"):
        assert text.count(opening) == text.count(closing)


def script(language: str, commands: list[Command]) -> str:
    return next(each.text for each in commands if each.language == language)
