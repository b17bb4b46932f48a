"""A folder that several processes of one machine share, or a mounted volume.

Each text is written beside its place and moved there, and the disk is waited for, so that after a
power failure there is the old one or the new one. Writers take turns by a lock on one file, and
nothing here waits for ever: whoever holds the lock may be frozen, and in bad hands a pipe may stand
in a text's place.
"""

import errno
import fcntl
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from access.anchoring.store import Changed, Kept, NotKept

BIGGEST = 16 * 1024 * 1024  # more is none of ours
PATIENCE = 5.0  # seconds, for another writer
TURN = 0.02  # until the lock is tried again


class Folder:
    """``root`` has to be there: a volume that is not mounted is not an empty memory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str) -> Kept | None:
        with _told():
            data = _read(self._path(name))
            if data is None:
                if not self.root.is_dir():
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
                return None
        return Kept(data.decode(errors="replace"), _tag(data))

    def write(self, name: str, text: str, *, over: str | None) -> None:
        path = self._path(name)
        with _told(), self._alone():
            there = _read(path)
            if (None if there is None else _tag(there)) != over:
                raise Changed("Somebody else wrote it meanwhile.")
            path.parent.mkdir(exist_ok=True)
            _put(path, text.encode())

    def names(self, prefix: str) -> list[str]:
        with _told():
            if not self.root.is_dir():
                raise FileNotFoundError(self.root)
            files = sorted((self.root / prefix).glob("*.json"))
            return [f"{prefix}/{file.stem}" for file in files]

    def remove(self, name: str) -> None:
        with _told(), self._alone():
            self._path(name).unlink(missing_ok=True)
            if self._path(name).parent.is_dir():
                _settle(self._path(name).parent)

    def _path(self, name: str) -> Path:
        return self.root / f"{name}.json"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        flags = os.O_RDWR | os.O_CREAT | os.O_NONBLOCK
        with open(self.root / ".lock", "r+b", buffering=0, opener=_opens(flags)) as lock:
            _take(lock.fileno())
            yield


def _opens(flags: int) -> Callable[[str, int], int]:
    return lambda path, _: os.open(path, flags | os.O_CLOEXEC, 0o600)


def _take(lock: int) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(TURN)
        else:
            return


def _read(path: Path) -> bytes | None:
    """``None``: it is not there. No more than ``BIGGEST``: what is longer bears no signature."""
    try:
        with open(path, "rb", opener=_opens(os.O_RDONLY | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "that is no file")
            return file.read(BIGGEST)
    except FileNotFoundError:
        return None


def _put(path: Path, data: bytes) -> None:
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".new")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    _settle(path.parent)


def _settle(folder: Path) -> None:
    """The name in the folder is on the disk, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _tag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = error.strerror or type(error).__name__
        raise NotKept(f"The folder of the outside memory fails: {what}.") from error
