"""Folders of a bench's own, gone when its process ends."""

import atexit
import shutil
import tempfile
from pathlib import Path


def folder() -> Path:
    made = Path(tempfile.mkdtemp(prefix="bench-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made
