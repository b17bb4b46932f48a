"""Four long scenarios with figures, by simulated Azure's own record.

    python -m tests.chaos.scenarios busy      30 simulated minutes of 429 with Retry-After 60
    python -m tests.chaos.scenarios broken    30 simulated minutes of 503
    python -m tests.chaos.scenarios redis     Redis stopped while links expire (--minutes 10)
    python -m tests.chaos.scenarios postgres  PostgreSQL stopped while links expire

The first two move the clock; the others are real processes and real minutes.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import sys
from collections.abc import Sequence
from datetime import datetime

NAMES = ("busy", "broken", "redis", "postgres")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.scenarios")
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--links", type=int, default=60)
    parser.add_argument("--minutes", type=float, default=0, help="of the outage: 30, or 10 real")
    wanted = parser.parse_args()
    if wanted.name in {"redis", "postgres"}:
        from tests.chaos.outages import outage

        return outage(wanted.name, wanted.links, wanted.minutes or 10)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.testing")
    import django
    from django.test.utils import setup_test_environment

    django.setup()
    setup_test_environment()
    logging.disable(logging.CRITICAL)
    from tests.chaos.database import emptied
    from tests.chaos.weather import storm

    with emptied():
        return storm(wanted.name, wanted.links, wanted.minutes or 30)


def figures(words: str, late: Sequence[float]) -> str:
    """p50, p99 and the most, in seconds."""
    if not late:
        return f"{words}: none"
    ordered = sorted(late)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    middle = statistics.median(ordered)
    return f"{words}: {len(ordered)}, p50 {middle:.1f} s, p99 {p99:.1f} s, most {ordered[-1]:.1f} s"


def deleted(rows: Sequence[dict[str, object]]) -> dict[str, datetime]:
    """When each machine's link was gone for the first time, by its id in lower case."""
    found: dict[str, datetime] = {}
    for row in rows:
        if row["operation"] == "link.deleted":
            key = str(row["resource"]).lower()
            found.setdefault(key, datetime.fromisoformat(str(row["at"])))
    return found


if __name__ == "__main__":
    sys.exit(main())
