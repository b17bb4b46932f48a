"""``make bench``: speed and memory, each beside its baseline, as ratios. Never timed tests."""

from __future__ import annotations

import os
import subprocess
import sys

BENCHES = ("brokers", "opening", "ledger", "deciding", "signing", "estate", "first_page")


def main(wanted: list[str]) -> None:
    cores, load = os.cpu_count(), os.getloadavg()[0]
    print(f"{cores} cores, load {load:.2f}, Python {sys.version.split()[0]}")
    for name in wanted or BENCHES:
        print(f"\n== {name}", flush=True)
        code = f"import bench.{name} as b; b.main()"
        subprocess.run([sys.executable, "-c", code], check=False)


if __name__ == "__main__":
    main(sys.argv[1:])
