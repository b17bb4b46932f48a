"""The rules that JIT writes into security groups, told by their names.

Microsoft renamed them from SecurityCenter to MicrosoftDefenderForCloud, and estates hold both. A
dash after the prefix marks an allow rule of an open window, an underscore the standing deny.
"""

import re

from portal.azure.checks.facts import Nsg, Rule

NAMES = r"^(SecurityCenter|MicrosoftDefenderForCloud)-JITRule"
ALLOW_NAME = re.compile(f"{NAMES}-", re.IGNORECASE)
DENY_NAME = re.compile(f"{NAMES}_", re.IGNORECASE)


def is_jit_allow(rule: Rule) -> bool:
    return rule.allows and bool(ALLOW_NAME.match(rule.name))


def is_jit_deny(rule: Rule) -> bool:
    return not rule.allows and bool(DENY_NAME.match(rule.name))


def jit_denies(nsg: Nsg, address: str, port: int) -> list[Rule]:
    """One for each guarded port, to the machine's private address."""
    to = {address, f"{address}/32"}
    rules = [rule for rule in nsg.rules if is_jit_deny(rule) and to & set(rule.destinations)]
    return [rule for rule in rules if str(port) in rule.ports]


def written_by_jit(guards: list[Nsg], address: str, port: int) -> list[Nsg]:
    """The groups into which JIT puts its rules for this port: those that hold its deny.

    Where none does, it is expected in the last group on the way in, the interface's own; that it
    writes into either is documented, into both at once is not.
    """
    holding = [nsg for nsg in guards if jit_denies(nsg, address, port)]
    return holding or guards[-1:]
