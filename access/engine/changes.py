"""Grants that were changed in memory, written with few statements for however many there are.

Each statement writes the columns that belong together, so that the database's constraints, which
compare them, hold after every one of them.
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from django.db.models import Case, F, Model, Value, When

from access.models import Grant

FEW = 3  # different values of the same columns that are worth a statement each


class Changes:
    """Grants and which of their fields wait to be written. What is read of the database meanwhile
    does not know of them: ``write`` comes before."""

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[Grant, dict[str, None]]] = {}

    def note(self, grant: Grant, *fields: str) -> None:
        kept, names = self._waiting.setdefault(grant.pk, (grant, {}))
        if kept is not grant:
            raise RuntimeError(f"grant {grant.pk} was changed in two copies")
        names.update(dict.fromkeys(fields))

    def write(self) -> None:
        groups: dict[tuple[str, ...], list[Grant]] = {}
        for grant, names in self._waiting.values():
            groups.setdefault(tuple(sorted(names)), []).append(grant)
        self._waiting = {}
        for names_of_group, grants in groups.items():
            _write(grants, names_of_group)


def _write(grants: Sequence[Grant], names: Sequence[str]) -> None:
    alike: dict[Hashable, list[Grant]] = {}
    for grant in grants:
        alike.setdefault(tuple(getattr(grant, name) for name in names), []).append(grant)
    if len(alike) <= FEW:
        for same in alike.values():
            _rows(same).update(**{name: getattr(same[0], name) for name in names})
        return
    _rows(grants).update(**{name: _values(grants, name) for name in names})


def _rows(grants: Iterable[Grant]) -> Any:
    return Grant.objects.filter(pk__in=[grant.pk for grant in grants])


def _values(grants: Sequence[Model], name: str) -> Any:
    """One for all where it is the same for all."""
    found = {getattr(grant, name) for grant in grants}
    if len(found) == 1:
        return found.pop()
    kind: Any = Grant._meta.get_field(name)
    by_value: dict[Hashable, list[int]] = {}
    for grant in grants:
        by_value.setdefault(getattr(grant, name), []).append(grant.pk)
    cases = [When(pk__in=keys, then=Value(value, kind)) for value, keys in by_value.items()]
    return Case(*cases, default=F(name), output_field=kind)
