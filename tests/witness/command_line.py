"""The Azure command line from PyPI: installed apart, signed in, asked."""

from __future__ import annotations

import json
import os
import subprocess
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.witness.front import Front

RELEASE = "azure-cli==2.91.0"
INSTALL_SECONDS, CALL_SECONDS = 480, 60
CLOUD = "simulated"
RESOURCE = "https://management.azure.com/"  # what a token is for


def installed(home: Path) -> Path:
    """Its Python; quick where an earlier run has left it."""
    where = home / RELEASE
    python, done = where / "bin" / "python", where / "installed"
    if not done.exists():
        venv.create(where, clear=True, with_pip=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, RELEASE], check=True, timeout=INSTALL_SECONDS)
        done.touch()
    return python


class Said(Exception):
    """What ``az`` wrote on its standard error when it failed."""


@dataclass
class CommandLine:
    """``folder``: where it keeps its sign-in, and of clouds the simulated one."""

    python: Path
    front: Front
    folder: Path

    def __call__(self, *words: str) -> Any:
        """What it printed, from JSON. Raises ``Said``."""
        command = [str(self.python), "-m", "azure.cli", *words, "--output", "json"]
        done = subprocess.run(
            command,
            env=self._environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CALL_SECONDS,
            check=False,
        )
        if done.returncode:
            raise Said(done.stderr)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def sign_in(self, principal: str) -> Any:
        """The subscriptions it was shown."""
        url = self.front.url
        self(
            *("cloud", "register", "--name", CLOUD, "--skip-endpoint-discovery"),
            *("--endpoint-resource-manager", url),
            *("--endpoint-active-directory", url),
            *("--endpoint-active-directory-resource-id", RESOURCE),
        )
        self("cloud", "set", "--name", CLOUD)
        return self("login", "--identity", "--client-id", principal)

    def _environment(self) -> dict[str, str]:
        """Nothing of ours, and no way out of this machine: the proxy is a port nobody has."""
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.folder),
            "AZURE_CONFIG_DIR": str(self.folder / "azure"),
            "AZURE_CORE_COLLECT_TELEMETRY": "0",
            "AZURE_CORE_INSTANCE_DISCOVERY": "0",
            "AZURE_CORE_NO_COLOR": "1",
            "AZURE_CORE_SURVEY_MESSAGE": "0",
            "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
            "IDENTITY_ENDPOINT": f"{self.front.url}/msi/token",
            "IDENTITY_HEADER": "simulated",
            "REQUESTS_CA_BUNDLE": str(self.front.certificate),
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "localhost,127.0.0.1",
        }
