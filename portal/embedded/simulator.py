"""The simulated Azure as a child process. It ends with us, even when we are killed."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from portal.azure.roles import Identity, file_of
from portal.embedded.guards import CannotStart
from portal.settings.simulated import PRINCIPALS

PATIENCE = 15.0


def _roles() -> list[str]:
    """Each of our identities may do there what its role definition says, and nothing else."""
    return [
        word
        for identity, principal in zip(Identity, PRINCIPALS, strict=True)
        for word in ("--role", f"{principal}={file_of(identity)}")
    ]


class Simulator:
    """Its state lives in ``directory`` and survives a restart."""

    def __init__(self, port: int, directory: Path) -> None:
        self.port, self.directory = port, directory
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers. The identity's address is set for the Azure SDK to find."""
        # A session of its own: the terminal's Ctrl-C is for us, and we then end it in order.
        # Its standard input is our pipe: when we die, however suddenly, it reads the end.
        self.process = subprocess.Popen(  # noqa: S603
            [
                sys.executable, "-m", "portal.azure.simulator",
                "--port", str(self.port),
                "--estate", "demo",
                "--state", str(self.directory / "azure.json"),
                "--record", str(self.directory / "azure-record.jsonl"),
                "--exit-with-parent",
                *_roles(),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        os.environ["IDENTITY_ENDPOINT"] = f"http://127.0.0.1:{self.port}/msi/token"
        os.environ["IDENTITY_HEADER"] = "simulated"
        self._wait()

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if not self.alive:
                raise CannotStart("The simulated Azure did not start; its message is above.")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise CannotStart("The simulated Azure did not answer in time.")
