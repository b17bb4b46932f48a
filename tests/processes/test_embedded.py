"""``make run`` as a user meets it: started, stopped, started again, killed."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.processes.parts import Visitor, fill_in
from tests.support.product import (
    ROOT,
    Browser,
    ask_and_approve,
    eventually,
    grants,
    portal,
)

pytestmark = pytest.mark.processes


def test_the_main_job_in_the_running_product(tmp_path: Path) -> None:
    with portal(tmp_path / "var") as made:
        made.wait_until_ready()
        asked = ask_and_approve(made, kind="link")
        began = time.monotonic()
        eventually(lambda: all(g["state"] == "open" for g in grants(made)), seconds=15)
        print(f"open after {time.monotonic() - began:.1f} s")
        record = made.azure("record")["record"]
        (sent,) = [row for row in record if row["operation"] == "jit.initiate"]
        assert asked["reference"] in sent["body"]["justification"]
        assert len(made.azure("state")["links"]) == 1
        link_grant = next(g for g in grants(made) if g["kind"] == "link")
        Browser(made, "Demo engineer").api(f"grants/{link_grant['id']}/end/")
        eventually(lambda: all(g["state"] == "closed" for g in grants(made)), seconds=30)
        state = made.azure("state")
        assert (state["links"], state["open_windows"]) == ([], [])


def test_a_vendor_comes_in_with_the_mail_of_the_demo(tmp_path: Path) -> None:
    """There is no mail server: without this nobody who tries it out could follow the journey."""
    with portal(tmp_path / "var") as made:
        made.wait_until_ready()
        ask_and_approve(made, kind="link")
        vendor = Visitor(made.url)
        (token,) = read(vendor, r"/visit/(bav_[\w-]+)/")
        eventually(lambda: all(g["state"] == "open" for g in grants(made)), seconds=15)
        fill_in(vendor, vendor.get(f"/visit/{token}/"), f"/visit/{token}/code/")
        code = read(vendor, r"\b(\d{8})\b")[0]
        page = fill_in(vendor, vendor.get("/visit/code/"), "/visit/code/", code=code)
        bastion = fill_in(vendor, page, "/visit/open/", number="1")
        assert "stands in for Azure Bastion" in bastion.text


def read(vendor: Visitor, pattern: str) -> list[str]:
    """What stands in the demo's mail, once it does."""

    def found() -> list[str]:
        return list(dict.fromkeys(re.findall(pattern, vendor.get("/demo/mail/").text)))

    eventually(lambda: bool(found()), seconds=20)
    return found()


def test_ctrl_c_ends_all_of_it_within_five_seconds(tmp_path: Path) -> None:
    with portal(tmp_path / "var") as made:
        made.wait_until_ready()
        family = made.family()
        assert len(family) == 2
        began = time.monotonic()
        made.process.send_signal(signal.SIGINT)
        assert made.process.wait(timeout=5) == 0
        print(f"stopped after {time.monotonic() - began:.1f} s")
        assert gone(family)


def test_killed_it_leaves_no_process_and_the_next_start_goes_on(tmp_path: Path) -> None:
    var = tmp_path / "var"
    with portal(var) as made:
        made.wait_until_ready()
        ask_and_approve(made)
        eventually(lambda: [g["state"] for g in grants(made)] == ["open"], seconds=20)
        family = made.family()
        made.process.send_signal(signal.SIGKILL)
        made.process.wait(timeout=5)
        eventually(lambda: gone(family), seconds=5)
    let_its_time_pass(var)
    with portal(var) as again:
        again.wait_until_ready()
        eventually(lambda: [g["state"] for g in grants(again)] == ["closed"], seconds=30)
        assert again.azure("state")["open_windows"] == []
        record = again.azure("record")["record"]
        assert len([r for r in record if r["operation"] == "jit.initiate"]) == 1
        asked = Browser(again, "Demo engineer").json("requests/")["results"]
        assert [row["state"] for row in asked] == ["approved"]
    verified = manage(var, "verify_ledger")
    assert "The ledger holds" in verified.stdout


def test_a_port_in_use_gets_a_clear_word_and_another_can_be_chosen(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with portal(tmp_path / "var", port=port) as made:
            assert made.process.wait(timeout=30) == 3
            assert f"make run PORT={port + 1}" in made.log.read_text()
        with portal(tmp_path / "var", azure_port=port) as made:
            assert made.process.wait(timeout=30) == 3
            assert f"make run AZURE_SIM_PORT={port + 1}" in made.log.read_text()


def test_a_second_portal_on_the_same_data_is_refused(tmp_path: Path) -> None:
    with portal(tmp_path / "var") as made:
        made.wait_until_ready()
        with portal(tmp_path / "var") as second:
            assert second.process.wait(timeout=30) == 3
            assert "already running" in second.log.read_text()


def gone(family: list[psutil.Process]) -> bool:
    return not [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def manage(var: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {
        **os.environ,
        "BASTION_ACCESS_VAR": str(var),
        "DJANGO_SETTINGS_MODULE": "portal.settings.embedded",
    }
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT, env=env, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip


def let_its_time_pass(var: Path) -> None:
    """While nothing runs, the grant's end comes."""
    code = (
        "from access.models import Grant; from datetime import timedelta\n"
        "for g in Grant.objects.all():\n"
        "    g.starts_at -= timedelta(minutes=40); g.ends_at -= timedelta(minutes=40); g.save()"
    )
    manage(var, "shell", "-c", code)
