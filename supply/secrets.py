"""``python -m supply.secrets``: is a secret in the tree? Every file that git holds or would take.

``.secrets.baseline`` says how to look, and lists what was looked at by a person and is none: a
demo's key, a test's password. Whoever adds to it says there that it is false.

    python -m supply.secrets             what is new; exit code 1 if anything is
    python -m supply.secrets --renew     write the baseline anew, keeping what was judged
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from detect_secrets.core import baseline
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).resolve().parents[1]
BASELINE = ROOT / ".secrets.baseline"
PART = 40  # files, for one turn of a process


def main(arguments: Sequence[str]) -> int:
    known = json.loads(BASELINE.read_text())
    found = look(files(), known)
    if "--renew" in arguments:
        return _renew(known, found)
    new = found - baseline.load(known)
    for path, secret in new:
        print(f"{path}:{secret.line_number}: {secret.type}")
    if new.json():
        print("Is it one? Take it out and revoke it. If not: python -m supply.secrets --renew")
    return 1 if new.json() else 0


def look(paths: Sequence[str], known: dict[str, Any], root: Path = ROOT) -> SecretsCollection:
    """What the baseline's plugins and filters find in ``paths``, relative to ``root``."""
    found = SecretsCollection(root=str(root))
    parts = [list(paths[start : start + PART]) for start in range(0, len(paths), PART)]
    how = {name: known[name] for name in ("plugins_used", "filters_used")}
    with ProcessPoolExecutor(max_workers=2) as pool:
        for part in pool.map(_look_at, parts, [how] * len(parts), [str(root)] * len(parts)):
            for path, secret in part:
                secret.filename = path  # with the root it would be another secret in each checkout
                found[path].add(secret)
    return found


def files() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603
    return sorted(path for path in listed.stdout.split("\0") if path and (ROOT / path).is_file())


def _look_at(paths: list[str], how: dict[str, Any], root: str) -> list[tuple[str, Any]]:
    with transient_settings(how):
        part = SecretsCollection(root=root)
        for path in paths:
            part.scan_file(path)
        return list(part)


def _renew(known: dict[str, Any], found: SecretsCollection) -> int:
    """What a person judged stays judged."""
    found.merge(baseline.load(known))
    with transient_settings({name: known[name] for name in ("plugins_used", "filters_used")}):
        baseline.save_to_file(found, str(BASELINE))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
