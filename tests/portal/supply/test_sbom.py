"""The bill of materials names what is locked, all of it, with the digests that are locked."""

from __future__ import annotations

import json
import re
from pathlib import Path

from supply import sbom

LOCK = Path(sbom.ROOT / "requirements.txt").read_text()
LOCKED = dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s\\;]+)", LOCK, re.MULTILINE))


def test_every_locked_package_is_in_it_with_its_digests(tmp_path: Path) -> None:
    out = tmp_path / "var" / "sbom.json"
    sbom.write(out)
    made = json.loads(out.read_text())
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    named = {row["name"]: row["version"] for row in made["components"]}
    assert named == LOCKED
    assert len(made["components"]) == len(LOCKED) > 50
    digests = 0
    for row in made["components"]:
        assert row["purl"].startswith("pkg:pypi/")
        mine = [each for ref in row["externalReferences"] for each in ref.get("hashes", [])]
        assert mine, row["name"]
        assert {each["alg"] for each in mine} == {"SHA-256"}
        digests += len(mine)
    assert digests == LOCK.count("--hash=sha256:")


def test_the_same_lock_gives_the_same_bill(tmp_path: Path) -> None:
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    sbom.write(first)
    sbom.write(second)
    assert first.read_bytes() == second.read_bytes()
