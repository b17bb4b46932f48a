"""Figures beside their targets: each bench reports, ``python -m bench`` makes one table of it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "results.md"
ROWS = FILE.with_suffix(".jsonl")  # what the page is made of


def report(target: str, what: str, wanted: str, figure: str, *, met: bool | None) -> None:
    """``met``: ``None`` where there is no bound, only a figure to be seen."""
    row = {"target": target, "what": what, "wanted": wanted, "figure": figure, "met": met}
    where = os.environ.get("BENCH_ROWS")
    if where:
        with Path(where).open("a") as file:
            file.write(json.dumps(row) + "\n")


def table(rows: list[dict[str, Any]]) -> str:
    words = {True: "met", False: "**missed**", None: "-"}
    lines = ["| target | what | wanted | figure | | at |", "|---|---|---|---|---|---|"]
    for row in sorted(rows, key=lambda each: each["target"]):
        cells = (row["target"], row["what"], row["wanted"], row["figure"], words[row["met"]],
                 row["tree"])  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def kept(names: list[str], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All rows, those of the benches that ran now in place of what they said before."""
    known = [json.loads(line) for line in ROWS.read_text().splitlines()] if ROWS.exists() else []
    found = [row for row in known if row["bench"] not in names] + rows
    ROWS.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found))
    return found


def tree() -> str:
    """The commit that was measured; with a star when files had been changed since."""
    changed = _run("git", "status", "--porcelain", "--untracked-files=no", "--", "*.py")
    return _run("git", "rev-parse", "--short", "HEAD") + ("*" if changed else "")


def machine() -> str:
    memory = int(_first("/proc/meminfo", "MemTotal").split()[1]) // 2**20
    load = " ".join(f"{each:.2f}" for each in os.getloadavg())
    return (
        f"{os.cpu_count()} cores ({_first('/proc/cpuinfo', 'model name').split(':')[-1].strip()}), "
        f"{memory} GB, Python {platform.python_version()}, {_said('postgres')}, "
        f"{_said('redis-server')}, load average {load}"
    )


def _first(file: str, begins: str) -> str:
    lines = Path(file).read_text().splitlines()
    return next((line for line in lines if line.startswith(begins)), f"{begins}: 0 0")


def _said(program: str) -> str:
    if program == "postgres":
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        told = _run(str(found[-1]), "--version").split() if found else []
        return f"PostgreSQL {told[2]}" if len(told) > 2 else "no PostgreSQL"
    words = _run(program, "--version").split()
    return f"Redis {words[2].removeprefix('v=')}" if len(words) > 2 else "no Redis"


def _run(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""
