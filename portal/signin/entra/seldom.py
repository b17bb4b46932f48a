"""Not too often: kept in this process alone, so that it needs no service that may be away."""

import threading
import time

MOST = 1000  # keys that are remembered


class Seldom:
    """``may(key)`` is true once in so many seconds, for each process of the portal."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._at: dict[str, float] = {}
        self._lock = threading.Lock()

    def may(self, key: str) -> bool:
        now = time.monotonic()
        with self._lock:
            if now < self._at.get(key, float("-inf")) + self.seconds:
                return False
            if len(self._at) >= MOST:
                self._at.clear()
            self._at[key] = now
        return True

    def was_lately(self, key: str) -> bool:
        with self._lock:
            return time.monotonic() < self._at.get(key, float("-inf")) + self.seconds

    def forget(self) -> None:
        """For tests."""
        with self._lock:
            self._at.clear()
