"""``python -m supply.audit``: known weaknesses of what requirements.txt locks.

A source of advisories that does not answer looks exactly like one that knows of nothing. So it is
asked first about a release whose weaknesses are public, and believed only if it knows of them.

Exit codes: 0 nothing known, 1 weaknesses found, 3 could not be audited.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CLEAN, WEAK, NOT_AUDITED = 0, 1, 3
SOURCES = ("pypi", "osv")
KNOWN_WEAK = ("jinja2", "2.11.2")  # among others CVE-2020-28493, since 2021
LONGEST_WAIT = 300  # seconds, for one run


class CannotAudit(Exception):
    """Nobody who knows answered. ``str()`` says what was tried."""


@dataclass(frozen=True)
class Weakness:
    package: str
    version: str
    advisory: str
    fixed_in: str

    def __str__(self) -> str:
        return f"{self.package} {self.version}: {self.advisory}, fixed in {self.fixed_in or '-'}"


def main(requirements: Path = ROOT / "requirements.txt") -> int:
    try:
        source = answering_source()
        found, count = audit(requirements, source)
    except CannotAudit as reason:
        print(f"could not be audited: {reason}")
        return NOT_AUDITED
    for weakness in found:
        print(weakness)
    print(f"{count} packages audited with {source}, weaknesses: {len(found)}")
    return WEAK if found else CLEAN


def answering_source() -> str:
    """The first source that knows what everybody knows. Raises ``CannotAudit``."""
    name, version = KNOWN_WEAK
    tried = []
    with tempfile.TemporaryDirectory() as scratch:
        probe = Path(scratch) / "probe.txt"
        probe.write_text(f"{name}=={version}\n")
        for source in SOURCES:
            try:
                found, _ = audit(probe, source)
            except CannotAudit as reason:
                tried.append(f"{source}: {reason}")
                continue
            if found:
                return source
            tried.append(f"{source}: knows of nothing in {name} {version}")
    raise CannotAudit("; ".join(tried))


def audit(requirements: Path, source: str) -> tuple[list[Weakness], int]:
    """What ``source`` knows of each pinned package, and how many it was asked about. Raises
    ``CannotAudit``, also when it could not tell of one: half an audit is none."""
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--no-deps",
        "--disable-pip", "--vulnerability-service", source, "--format", "json",
        "--progress-spinner", "off", "--timeout", "10",
    ]  # fmt: skip
    try:
        ran = subprocess.run(  # noqa: S603 - a fixed command
            command, capture_output=True, text=True, timeout=LONGEST_WAIT, check=False
        )
        packages: list[dict[str, Any]] = json.loads(ran.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError) as error:
        raise CannotAudit("no answer") from error
    return understood(packages)


def understood(packages: list[dict[str, Any]]) -> tuple[list[Weakness], int]:
    """Of pip-audit's JSON. Raises ``CannotAudit`` for what was skipped."""
    skipped = [row["name"] for row in packages if "skip_reason" in row]
    if skipped or not packages:
        raise CannotAudit(f"nothing known of {', '.join(skipped) or 'anything'}")
    found = [
        Weakness(row["name"], row["version"], known["id"], ", ".join(known["fix_versions"]))
        for row in packages
        for known in row["vulns"]
    ]
    return found, len(packages)


if __name__ == "__main__":
    sys.exit(main())
