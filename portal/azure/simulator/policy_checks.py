"""What a JIT policy admits, checked for the policy itself and for each request on it.

All codes are invented: what Azure answers here could not be established.
"""

import re
from datetime import datetime, timedelta
from typing import Any

from portal.azure.simulator.answers import Refused
from portal.azure.simulator.calls import id_in, objects
from portal.azure.simulator.catalogue import Resource, policy_machines
from portal.azure.simulator.clock import parse
from portal.azure.simulator.resource_ids import name_of, same

DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=1)
LENIENCY = timedelta(seconds=5)  # the caller's clock and ours need not agree
NAMES = 56  # characters of a policy's and a machine's name together
HIGHEST_PORT = 65535


def check(policy_id: str, machines: list[Resource]) -> None:
    """Raises ``Refused`` for a policy that makes no sense."""
    for machine in machines:
        if len(name_of(policy_id) + name_of(id_in(machine))) > NAMES:
            text = f"The names of policy and machine have more than {NAMES} characters."
            raise Refused(400, "InvalidPolicyName", text)
        for port in objects(machine, "ports"):
            _check_port(port)


def check_request(policy: Resource, vm_id: str, asked: Resource, *, now: datetime) -> None:
    """``asked`` has its source filled in. Raises ``Refused``."""
    rule = _rule_for(policy, vm_id, asked)
    allowed = {rule.get("allowedSourceAddressPrefix"), *_prefixes(rule)}
    source = asked["allowedSourceAddressPrefix"]
    if "*" not in allowed and source not in allowed:
        raise Refused(400, "SourceNotAllowed", f"The policy does not admit {source}.")
    end = _end(asked)
    if end <= now:
        raise Refused(400, "EndTimeInPast", "The end has passed.")
    if end > now + duration(rule["maxRequestAccessDuration"]) + LENIENCY:
        raise Refused(400, "RequestDurationTooLong", "The policy does not admit so long a time.")


def duration(text: Any) -> timedelta:
    """Raises ``Refused`` for what is no ISO 8601 duration."""
    found = DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None or not any(found.groups()):
        raise Refused(400, "InvalidMaxDuration", f"{text} is no ISO 8601 duration.")
    days, hours, minutes, seconds = (int(each or 0) for each in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _check_port(port: Resource) -> None:
    number = port.get("number")
    if not isinstance(number, int) or not 0 <= number <= HIGHEST_PORT:
        raise Refused(400, "InvalidPortNumber", f"{number} is no port.")
    if bool(port.get("allowedSourceAddressPrefix")) == bool(_prefixes(port)):
        raise Refused(400, "InvalidSource", "A port has either one source or a list of them.")
    if not SHORTEST <= duration(port.get("maxRequestAccessDuration")) <= LONGEST:
        raise Refused(400, "InvalidMaxDuration", "It is between five minutes and a day.")


def _rule_for(policy: Resource, vm_id: str, asked: Resource) -> Resource:
    machines = [each for each in policy_machines(policy) if same(each["id"], vm_id)]
    if not machines:
        raise Refused(400, "VirtualMachineNotInPolicy", f"The policy does not name {vm_id}.")
    for rule in machines[0].get("ports") or []:
        if rule["number"] == asked.get("number"):
            found: Resource = rule
            return found
    text = f"The policy does not name the port {asked.get('number')}."
    raise Refused(400, "PortNotInPolicy", text)


def _prefixes(port: Resource) -> list[str]:
    found: list[str] = port.get("allowedSourceAddressPrefixes") or []
    return found


def _end(asked: Resource) -> datetime:
    try:
        return parse(str(asked.get("endTimeUtc")))
    except ValueError as error:
        raise Refused(400, "InvalidEndTime", "endTimeUtc is missing or no moment.") from error
