"""What must hold before the embedded portal starts, each with a message that says what to do."""

import fcntl
import socket
from pathlib import Path
from typing import IO


class CannotStart(Exception):
    """Fit to print as it is."""


def only_one(directory: Path) -> IO[str]:
    """Hold the returned file open for as long as the portal runs; the system frees it at death."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = (directory / "portal.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise CannotStart(
            f"Another portal is already running with the data in {directory}. Stop it first, "
            "or set BASTION_ACCESS_VAR to another directory."
        ) from error
    return lock


def port_free(port: int, *, variable: str, what: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CannotStart(
                f"Port {port} for {what} is in use. Choose another: make run {variable}={port + 1}"
            ) from error
