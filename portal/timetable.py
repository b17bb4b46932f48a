"""Celery's beat without its spinning. When each task is due is in ``portal.settings.tasks``."""

from celery.beat import Scheduler


class Timetable(Scheduler):
    """Celery's own wakes 10 ms before each moment and asks the clock without a pause until it has
    come. That was a percent of a core, all day."""

    def adjust(self, n: float, drift: float = 0.001) -> float:
        return n + drift if n and n > 0 else n
