"""Rules put where they take effect: the command, and the group as it will be after it.

A remedy of several commands is thought through one by one, so that the next one is chosen for the
group that the former ones leave.
"""

from dataclasses import replace

from portal.azure.checks import remedies
from portal.azure.checks.facts import Nsg, Rule
from portal.azure.checks.nsg import (
    FIRST_PRIORITY,
    LAST_PRIORITY,
    first_free,
    free_ahead,
    is_custom,
    moved,
    with_rule,
    without,
)

Mended = tuple[list[str], Nsg]


def add(nsg: Nsg, rule: Rule) -> Mended:
    """At the rule's own priority; under another name if that one is taken."""
    named = replace(rule, name=_free_name(rule.name, nsg))
    return [remedies.create_rule(nsg.id, named)], with_rule(nsg, named)


def move(nsg: Nsg, rule: Rule, priority: int) -> Mended:
    return [remedies.move_rule(nsg, rule, priority)], moved(nsg, rule, priority)


def delete(nsg: Nsg, rule: Rule) -> Mended:
    return [remedies.delete_rule(nsg, rule)], without(nsg, lambda each: each == rule)


def move_back(nsg: Nsg, rule: Rule) -> Mended:
    """Behind all others, where it no longer stands in the way."""
    last = free_ahead(nsg, rule.direction, LAST_PRIORITY + 1) or LAST_PRIORITY
    return move(nsg, rule, last)


def put_ahead(nsg: Nsg, rule: Rule, blocker: Rule, *, first: int = FIRST_PRIORITY) -> Mended:
    """As closely ahead of ``blocker`` as there is room, and not ahead of ``first``."""
    number = free_ahead(nsg, rule.direction, blocker.priority, first=first)
    if number is not None:
        return add(nsg, replace(rule, priority=number))
    commands, nsg = move_back(nsg, blocker)
    number = free_ahead(nsg, rule.direction, _priority_of(nsg, blocker), first=first)
    more, nsg = add(nsg, replace(rule, priority=number or blocker.priority))
    return [*commands, *more], nsg


def free_from(nsg: Nsg, rule: Rule, limit: int) -> int | None:
    """The rule's own priority or the next free one, if that is ahead of ``limit``; else the
    nearest ahead of it."""
    number = first_free(nsg, rule.direction, rule.priority)
    return number if number and number < limit else free_ahead(nsg, rule.direction, limit)


def _priority_of(nsg: Nsg, rule: Rule) -> int:
    return next(each.priority for each in nsg.rules if is_custom(each) and each.name == rule.name)


def _free_name(name: str, nsg: Nsg) -> str:
    used = {rule.name.lower() for rule in nsg.rules if is_custom(rule)}
    names = [name, *(f"{name}{number}" for number in range(2, len(used) + 3))]
    return next(each for each in names if each.lower() not in used)
