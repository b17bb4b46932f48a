"""Where the token of each portal is kept: one file each, for its owner's eyes only.

Never on a command line, in an address or in what is printed.
"""

import json
import os
import re
import stat
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from bastion_access.errors import CliError

APP = "bastion-access"
LAST = "portal.json"  # which portal was signed in to last
BIGGEST = 64 * 1024


@dataclass(frozen=True)
class Kept:
    """A token as it was given at sign-in. ``expires_at``: ISO 8601, as the portal said it."""

    portal: str
    token: str = field(repr=False)
    name: str = ""
    expires_at: str = ""


def folder() -> Path:
    return platformdirs.user_config_path(APP, appauthor=False)


def cache_of(portal: str) -> Path:
    """What the completion remembers for some seconds."""
    return platformdirs.user_cache_path(APP, appauthor=False) / f"{name_of(portal)}.json"


def keep(kept: Kept) -> Path:
    """Replaces what was kept for this portal; it becomes the one that is used unless told."""
    where = _file_of(kept.portal)
    cache_of(kept.portal).unlink(missing_ok=True)  # it may be of another person
    write(where, asdict(kept))
    write(folder() / LAST, {"portal": kept.portal})
    return where


def kept_for(portal: str) -> Kept | None:
    """``None`` when nothing is kept. Raises ``CliError`` for a file that others could read."""
    found = read(_file_of(portal))
    if found is None or found.get("portal") != portal or not isinstance(found.get("token"), str):
        return None
    words = {name: str(found.get(name) or "") for name in ("name", "expires_at")}
    return Kept(portal, found["token"], **words)


def forget(portal: str) -> None:
    _file_of(portal).unlink(missing_ok=True)
    cache_of(portal).unlink(missing_ok=True)


def last_portal() -> str:
    """Empty before the first sign-in."""
    found = read(folder() / LAST)
    return str(found.get("portal") or "") if found else ""


def write(where: Path, value: dict[str, Any]) -> None:
    """In one step: a reader sees the old file or the new one, and nobody else sees either."""
    where.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.name == "posix":
        where.parent.chmod(0o700)
    handle, name = tempfile.mkstemp(dir=where.parent, prefix=".new-")  # mode 0600 from the start
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(where)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read(where: Path) -> dict[str, Any] | None:
    """``None`` where there is none, or none that can be understood."""
    try:
        handle = os.open(where, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CliError(f"{where} cannot be read: {error.strerror}.") from error
    with os.fdopen(handle, "rb") as file:
        _check(where, os.fstat(file.fileno()))
        raw = file.read(BIGGEST)
    try:
        value = json.loads(raw)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _check(where: Path, found: os.stat_result) -> None:
    """The open file, not its name: that could be another by now. Windows has no such modes; there
    the profile's folder keeps others out."""
    if os.name != "posix":
        return
    if not stat.S_ISREG(found.st_mode):
        raise CliError(f"{where} is no plain file, so it is not read.")
    if found.st_uid != os.getuid():
        raise CliError(f"{where} belongs to somebody else, so it is not read.")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise CliError(
            f"{where} can be read by others, so the token in it may be known. Revoke it in My "
            f"settings, delete the file and sign in again."
        )


def _file_of(portal: str) -> Path:
    return folder() / "tokens" / f"{name_of(portal)}.json"


def name_of(portal: str) -> str:
    """Of a file: ``https_access.example.com``."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", portal)
