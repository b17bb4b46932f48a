"""Which of what is due a sweep asks the workers for: gates, and hosts to be read.

Where more is due than workers get done, the same would be asked for each second: tens of thousands
of messages that mean nothing, and each costs a worker memory and a question to the database.
"""

import time
from collections.abc import Sequence
from typing import Any

MOST = 200
AGAIN = 5.0  # seconds until what has not come about is asked for once more
Due = tuple[int, Any]  # an id, and when its turn came last


class Woken:
    """What one process asked for. What had its turn since, and is due again, is another matter than
    before. A message that is lost costs ``AGAIN``; so does a broker that was away."""

    def __init__(self) -> None:
        self._asked: dict[Due, float] = {}  # when, by this process's clock

    def anew(self, due: Sequence[Due]) -> list[int]:
        """The ids to ask for now, ``MOST`` at once."""
        now, before = time.monotonic(), self._asked
        asked = {one: before[one] for one in due if one in before}
        recent = {one: at for one, at in asked.items() if at > now - AGAIN}
        wanted = [one for one in due if one not in recent][:MOST]
        self._asked = recent | dict.fromkeys(wanted, now)
        return [key for key, _ in wanted]

    def forget(self) -> None:
        """As in a process that has just been started."""
        self._asked = {}
