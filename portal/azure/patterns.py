"""What Azure's role definitions can say: wildcards, and what is taken away again.

Facts this rests on (docs/azure.md): a ``*`` stands for any text, slashes included, and there may
be several; case does not matter. ``notActions`` narrow the ``actions`` of their own role only;
they deny nothing that another role grants.
"""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

Reading = frozenset[int]  # how far a pattern can have been read: positions in it
OTHER = "…"  # stands for every character that no pattern names


@dataclass(frozen=True)
class Permission:
    """What one role grants at a scope, as Azure lists it."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()

    def grants(self, action: str) -> bool:
        """``action`` may have wildcards: then one pattern must cover all that it can mean."""
        covered = any(example([action], [given]) is None for given in self.actions)
        return covered and all(example([action, each]) is None for each in self.not_actions)


def matches(pattern: str, action: str) -> bool:
    return bool(_expression(pattern.lower()).fullmatch(action.lower()))


def allows(permissions: Iterable[Permission], action: str) -> bool:
    return any(permission.grants(action) for permission in permissions)


def example(inside: Sequence[str], outside: Sequence[str] = ()) -> str | None:
    """A shortest text that all of ``inside`` match and none of ``outside``, in lower case;
    ``None`` means that there is none, for everything that can make a difference is tried."""
    literal = next((each for each in inside if "*" not in each), None)
    if literal is not None:
        fits = all(matches(each, literal) for each in inside)
        return literal.lower() if fits and not any(matches(o, literal) for o in outside) else None
    patterns = [each.lower() for each in (*inside, *_that_matter(inside, outside))]
    letters = [*sorted(set("".join(patterns)) - {"*"}), OTHER]
    start = tuple(_through_stars(pattern, {0}) for pattern in patterns)
    queue, seen = deque([("", start)]), {start}
    while queue:
        text, state = queue.popleft()
        ends = [len(pattern) in at for pattern, at in zip(patterns, state, strict=True)]
        if all(ends[: len(inside)]) and not any(ends[len(inside) :]):
            return text
        for letter in letters:
            after = tuple(map(_read, patterns, state, [letter] * len(patterns)))
            if all(after[: len(inside)]) and after not in seen:
                seen.add(after)
                queue.append((text + letter, after))
    return None


def _that_matter(inside: Sequence[str], outside: Sequence[str]) -> list[str]:
    """A text without wildcards takes nothing away from patterns that it does not match."""
    return [each for each in outside if "*" in each or all(matches(one, each) for one in inside)]


def _read(pattern: str, at: Reading, letter: str) -> Reading:
    stayed = {each for each in at if pattern[each : each + 1] == "*"}
    moved = {each + 1 for each in at if pattern[each : each + 1] == letter}
    return _through_stars(pattern, stayed | moved)


def _through_stars(pattern: str, at: set[int]) -> Reading:
    """A star may stand for nothing, too."""
    found = set(at)
    for each in at:
        here = each
        while pattern[here : here + 1] == "*":
            here += 1
            found.add(here)
    return frozenset(found)


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
