"""Celery's beat without its spinning, and without end where nobody takes what it sends. When each
task is due is in ``portal.settings.tasks``."""

import logging
from typing import Any

from celery.beat import ScheduleEntry, Scheduler

from access.waking import FULL, waiting

logger = logging.getLogger(__name__)
OVERFULL = FULL + FULL // 2  # however many wake-ups wait, there is room for what comes by the clock


class Timetable(Scheduler):
    """Celery's own wakes 10 ms before each moment and asks the clock without a pause until it has
    come. That was a percent of a core, all day.

    It would also fill a queue for as long as its workers are away. What every task here does, it
    does by what the database says now, so one message does for all that were left out.
    """

    def adjust(self, n: float, drift: float = 0.001) -> float:
        return n + drift if n and n > 0 else n

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        if self._is_full(entry, producer):
            logger.warning("%s is left out: too many messages wait", entry.task)
        else:
            super().apply_entry(entry, producer=producer)

    def _is_full(self, entry: ScheduleEntry, producer: Any) -> bool:
        try:
            return waiting(str(entry.task), self.app, producer) >= OVERFULL
        except Exception:  # noqa: BLE001 - else beat ends; whoever sends it says what is wrong
            return False
