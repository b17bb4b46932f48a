"""The process: starting, ending, being killed, and finding everything again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.azure.simulator.doing import connect, create_links, initiate, links, statuses
from tests.azure.simulator.service import ROOT, VM, VM2, Service, eventually, launched, running


def test_a_kill_loses_nothing(tmp_path: Path) -> None:
    state = ["--estate", "small", "--state", str(tmp_path / "azure.json")]
    with running(*state) as before:
        before.pace(initiate=0, link_create=0)
        create_links(before, VM)
        initiate(before)
        session = connect(before)[1]["sessionId"]
        fault = before.fault(operation="jit.put", action="status", status=503)
        before.advance(30)
        told = before.record()
        before.process.kill()
        before.process.wait()
    with running(*state) as after:
        assert after.record() == told
        assert [each.vm.id for each in links(after)] == [VM]
        assert statuses(after) == [("Initiated", "UserRequested")]
        found = after.state()
        assert [each["sessionId"] for each in found["sessions"]] == [session]
        assert [each["id"] for each in found["faults"]] == [fault]
        assert found["clock"]["offset_seconds"] == 30
        assert found["pace"]["link_create"] == 0


def test_what_fell_due_while_it_was_down_happened_at_its_own_time(tmp_path: Path) -> None:
    state = ["--estate", "small", "--state", str(tmp_path / "azure.json")]
    with running(*state) as before:
        before.pace(initiate=0, link_create=0.5)
        before.network().begin_put_bastion_shareable_link(
            "rg-hub", "bastion-hub", {"vms": [{"vm": {"id": VM2}}]}, polling=False
        )
        before.process.kill()
        before.process.wait()
        due = json.loads((tmp_path / "azure.json").read_text())["due"][0][0]
    time.sleep(0.6)
    with running(*state) as after:
        assert [each.vm.id for each in links(after)] == [VM2]
        assert [row["at"] for row in after.record("link.created")] == [due]


def test_reading_writes_nothing(tmp_path: Path) -> None:
    state = tmp_path / "azure.json"
    with running("--estate", "small", "--state", str(state)) as service:
        before = state.stat()
        links(service)
        statuses(service)
        service.state()
        after = state.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_reset_empties_the_records_file_too(tmp_path: Path) -> None:
    state = ["--estate", "small", "--state", str(tmp_path / "azure.json")]
    with running(*state) as before:
        create_links(before, VM)
        before.reset()
        create_links(before, VM2)
        told = before.record()
        before.process.kill()
        before.process.wait()
    assert len((tmp_path / "azure.record.jsonl").read_text().splitlines()) == len(told)
    with running(*state) as after:
        assert after.record() == told


def test_a_line_of_the_record_that_was_never_answered_is_dropped(tmp_path: Path) -> None:
    state = tmp_path / "azure.json"
    record = tmp_path / "record.jsonl"
    arguments = ["--estate", "small", "--state", str(state), "--record", str(record)]
    with running(*arguments) as before:
        before.pace(link_create=0)
        create_links(before, VM)
        count = len(before.record())
    with record.open("a", encoding="utf-8") as file:
        file.write('{"seq": 999, "operation": "link.delete"}\n{"seq": 1000, "oper')
    with running(*arguments) as after:
        assert len(after.record()) == count
    assert len(record.read_text().splitlines()) == count


def test_the_record_is_written_as_json_lines(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    with running("--estate", "small", "--record", str(record)) as service:
        service.pace(link_create=0)
        create_links(service, VM)
        lines = [json.loads(line) for line in record.read_text().splitlines()]
        assert lines == service.record()
        assert [line["operation"] for line in lines] == ["link.create", "link.created"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_within_a_second(number: signal.Signals) -> None:
    with running("--estate", "empty") as service:
        service.state()
        began = time.monotonic()
        service.process.send_signal(number)
        assert service.process.wait(timeout=5) == 0
        assert time.monotonic() - began < 1


def test_a_taken_port_is_said_in_one_line() -> None:
    with running("--estate", "empty") as service:
        process = launched("--port", str(service.port), "--estate", "empty")
        _, told = process.communicate(timeout=10)
        assert process.returncode == 3
        assert len(told.strip().splitlines()) == 1
        assert f"127.0.0.1:{service.port}" in told


def test_an_unreadable_estate_or_state_is_said_in_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"resources": []}')
    for words in (["--estate", str(broken)], ["--estate", "none.json"], ["--state", str(broken)]):
        process = launched("--port", "0", *words)
        _, told = process.communicate(timeout=10)
        assert process.returncode == 4
        assert len(told.strip().splitlines()) == 1


def test_it_listens_on_this_machine_only_unless_told_otherwise() -> None:
    process = launched("--host", "0.0.0.0", "--port", "0")
    _, told = process.communicate(timeout=10)
    assert process.returncode == 2
    assert "--allow-remote" in told


def test_it_ends_with_its_parent_even_by_a_kill(tmp_path: Path) -> None:
    """The parent keeps the other end of our standard input and never says goodbye."""
    parent = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'portal.azure.simulator', '--port', '0',"
        " '--estate', 'empty', '--exit-with-parent'], stdin=subprocess.PIPE,"
        " start_new_session=True)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", parent], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    assert "listens" in process.stdout.readline()
    process.kill()
    process.wait()
    process.stdout.close()
    eventually(lambda: not _alive(child), 3)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_it_starts_fast_and_stays_small() -> None:
    began = time.monotonic()
    with running("--estate", "demo") as service:
        took = time.monotonic() - began
        service.state()
        service.raw("GET", "/subscriptions?api-version=2022-12-01")
        status = Path(f"/proc/{service.process.pid}/status").read_text()
    kib = int(status.split("VmRSS:")[1].split()[0])
    print(f"started in {took:.2f} s, {kib / 1024:.0f} MiB")
    assert took < 3  # a loaded machine of two cores; alone it is under one second
    assert kib < 60 * 1024


def test_it_imports_neither_django_nor_azures_sdks() -> None:
    code = (
        "import sys, portal.azure.simulator.commandline\n"
        "print([n for n in sys.modules if n.split('.')[0] in {'django', 'azure', 'access'}])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=environment,
        check=True,
    )  # fmt: skip
    assert found.stdout.strip() == "[]"


def test_an_estate_from_a_file_of_the_same_form(tmp_path: Path, cloud: Service) -> None:
    file = tmp_path / "estate.json"
    file.write_text(json.dumps(cloud.state()["estate"]))
    with running("--estate", str(file)) as service:
        assert service.state()["estate"] == cloud.state()["estate"]
