"""``python -m tests.chaos``: seeded runs with a table; ``--seed N`` plays one again, in words."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections import Counter

import django
from django.test.utils import setup_test_environment


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--seed", type=int, help="this one alone, and what happened in it")
    parser.add_argument("--minutes", type=float, default=0, help="as many as fit in so long")
    parser.add_argument("--moves", type=int, default=60, help="between two times of calm")
    parser.add_argument("--rounds", type=int, default=1, help="of moves, each with its calm")
    wanted = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets come in the same order each time
        command = [sys.executable, "-W", "ignore", "-m", "tests.chaos", *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, "PYTHONHASHSEED": "0"})
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.testing")
    django.setup()
    setup_test_environment()
    logging.disable(logging.WARNING if wanted.seed else logging.CRITICAL)
    from tests.chaos.database import emptied

    with emptied():
        return _play(wanted)


def _play(wanted: argparse.Namespace) -> int:
    from tests.chaos.driver import played
    from tests.support.azure import SimulatedAzure

    first = wanted.seed or wanted.first
    seeds = [first] if wanted.seed else range(first, first + (wanted.seeds or 1))
    counts: Counter[str] = Counter()
    failed: list[int] = []
    worst = worst_after = 0.0
    took: list[float] = []
    began = time.monotonic()
    with SimulatedAzure.started() as azure:
        for seed in seeds:
            if wanted.minutes and time.monotonic() - began > wanted.minutes * 60:
                break
            start = time.monotonic()
            run, verdict = played(azure, seed, moves=wanted.moves, rounds=wanted.rounds)
            took.append(time.monotonic() - start)
            print(
                f"seed {seed}: {took[-1]:.0f} s, {time.process_time():.0f} s of work in all",
                file=sys.stderr,
            )
            counts += run.counts
            counts += Counter(openings=verdict.openings, strays=verdict.strays)
            worst, worst_after = max(worst, verdict.worst), max(worst_after, verdict.worst_after)
            if wanted.seed:
                print("\n".join(run.told + run.seen(azure)))
            if verdict.violations:
                failed.append(seed)
                print(f"seed {seed}:", *verdict.violations[:6], sep="\n  ", flush=True)
                how = f"--moves {wanted.moves} --rounds {wanted.rounds}"
                print(f"  again: python -m tests.chaos --seed {seed} {how}", flush=True)
    _table(counts, took, failed, worst, worst_after)
    return 1 if failed else 0


def _table(
    counts: Counter[str], took: list[float], failed: list[int], worst: float, worst_after: float
) -> None:
    from django.db import connection

    rows: list[tuple[str, object]] = [
        ("database", connection.vendor),
        ("seeds", len(took)),
        ("seconds a seed (mean, most)", f"{sum(took) / len(took):.1f}, {max(took):.1f}"),
        *sorted(counts.items()),
        ("worst lateness of an end in calm, s", f"{worst:.1f}"),
        ("worst lateness after recovery, s", f"{worst_after:.1f}"),
        ("seeds with violations", f"{len(failed)} {failed or ''}"),
    ]
    for name, value in rows:
        print(f"{name:40} {value}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
