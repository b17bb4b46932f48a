"""Keeping the world in files, so that killing the process at any moment loses nothing answered.

First the record's new lines are appended, then the state is put in place, by a rename, with the
number of lines that belong to it. Lines beyond that number were never answered; they are dropped
at the next start. Nothing is forced to the disk: a power cut may cost the last seconds.
"""

import json
from pathlib import Path

from portal.azure.simulator.catalogue import Resource
from portal.azure.simulator.world import World


class Unreadable(Exception):
    """A state that is there and cannot be read. Fit to print."""


class Store:
    def __init__(self, state: Path | None, record: Path | None) -> None:
        self.state = state
        self.record = record or (state.with_suffix(".record.jsonl") if state else None)
        self.written = 0  # lines of the record's file

    def begin(self, world: World) -> None:
        """Continue with what was kept, or write down the beginning. Raises ``Unreadable``."""
        if self.state is not None and self.state.exists():
            self._restore(world, self.state)
        else:
            world.record.emptied = True
        self.save(world)

    def save(self, world: World) -> None:
        if not world.changed:
            return
        if world.record.emptied:  # the other way round: the file may be emptied only afterwards
            self._save_state(world)
            self._rewrite([])
            world.record.emptied = False
        self._append(world.record.rows[self.written :])
        self._save_state(world)
        world.changed = False

    def _restore(self, world: World, state: Path) -> None:
        try:
            kept = json.loads(state.read_text(encoding="utf-8"))
            rows = self._rows(kept["record_lines"])
            world.restore(kept, rows)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Unreadable(f"{state} is no state of simulated Azure: {error!r}") from error
        self._rewrite(rows)

    def _rows(self, count: int) -> list[Resource]:
        if count == 0 or self.record is None:
            return []
        lines = self.record.read_text(encoding="utf-8").splitlines()[:count]
        if len(lines) < count:
            raise ValueError(f"{self.record} has {len(lines)} lines of {count}")
        return [json.loads(line) for line in lines]

    def _rewrite(self, rows: list[Resource]) -> None:
        if self.record is not None:
            _replace(self.record, "".join(_line(row) for row in rows))
        self.written = len(rows)

    def _append(self, rows: list[Resource]) -> None:
        if self.record is not None and rows:
            with self.record.open("a", encoding="utf-8") as file:
                file.write("".join(_line(row) for row in rows))
        self.written += len(rows)

    def _save_state(self, world: World) -> None:
        if self.state is not None:
            kept = world.kept()
            if world.record.emptied:
                kept["record_lines"] = 0
            _replace(self.state, json.dumps(kept))


def _line(row: Resource) -> str:
    return json.dumps(row) + "\n"


def _replace(file: Path, text: str) -> None:
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)
