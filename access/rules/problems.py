"""Reading a document place by place, and telling everything that is wrong with it at once."""

import difflib
from collections.abc import Collection
from typing import Any

TEXT_MOST = 200


class BadPolicy(Exception):
    """``problems``: one line each, with the path and in plain words what would be right."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class At:
    """A value and where it stands. What is wrong is noted, and a harmless value is returned, so
    that reading goes on: look at ``problems`` before using what was read."""

    def __init__(self, value: Any, path: str, problems: list[str]) -> None:
        self.value, self.path, self.problems = value, path, problems

    def wrong(self, words: str) -> None:
        self.problems.append(f"{self.path}: {words}" if self.path else words)

    def at(self, value: Any, step: str) -> "At":
        """``step``: ``.key`` or ``[number]``."""
        return At(value, f"{self.path}{step}".removeprefix("."), self.problems)

    def fields(self, known: Collection[str]) -> dict[str, "At"]:
        """The places of a mapping. A key that is not known is noted, with the nearest that is."""
        every = self.entries(f"must be a mapping with any of: {', '.join(known)}.")
        for key in every.keys() - set(known):
            every.pop(key).wrong(f"is not a key here.{nearest(key, known)}")
        return every

    def entries(self, words: str = "must be a mapping.") -> dict[str, "At"]:
        if not isinstance(self.value, dict):
            self.wrong(words)
            return {}
        return {str(key): self.at(value, f".{key}") for key, value in self.value.items()}

    def each(self) -> list["At"]:
        """The places of a list; of a single value, that one."""
        if not isinstance(self.value, list):
            return [self]
        if not self.value:
            self.wrong("must name at least one.")
        return [self.at(value, f"[{index}]") for index, value in enumerate(self.value)]

    def listed(self) -> list["At"]:
        """The places of what must be a list, which may be empty."""
        if not isinstance(self.value, list):
            self.wrong("must be a list.")
            return []
        return [self.at(value, f"[{index}]") for index, value in enumerate(self.value)]

    def text(self, most: int = TEXT_MOST) -> str:
        """Numbers count as texts: a tag's value may be ``12``."""
        value = self.value
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not value.strip():
            self.wrong("must be a text. Put it in quotes if it is one.")
            return ""
        text = value.strip()
        if len(text) > most or not text.isprintable():
            self.wrong(f"must be one line of at most {most} characters.")
            return ""
        return text

    def number(self, low: int, high: int) -> int:
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.wrong(f"must be a whole number from {low} to {high}.")
            return low
        return value

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            self.wrong("must be true or false.")
            return False
        return self.value

    def one_of(self, known: Collection[str]) -> str:
        value = self.text().lower()
        if value and value not in known:
            self.wrong(f"must be one of: {', '.join(known)}.{nearest(value, known)}")
        return value


def nearest(word: str, known: Collection[str]) -> str:
    """`` Did you mean …?`` or nothing."""
    found = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f" Did you mean {found[0]}?" if found else ""
