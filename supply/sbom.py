"""``python -m supply.sbom``: the bill of materials of requirements.txt as CycloneDX JSON.

It names what is locked, with the digests that are locked, and is written by the library of those
who keep the format. Nothing is asked of the network.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(out: Path = ROOT / "var" / "sbom.json") -> int:
    write(out)
    print(out)
    return 0


def write(out: Path) -> None:
    """Raises ``CalledProcessError`` when the lock cannot be read."""
    out.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [
        sys.executable, "-m", "cyclonedx_py", "requirements", str(ROOT / "requirements.txt"),
        "--output-format", "JSON", "--output-reproducible", "--validate", "--output-file", str(out),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
