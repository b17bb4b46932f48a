"""Whether a window would open, let its session through, and shut again: by the stored facts."""

from access.preflight import Check
from access.sites import Facts, Site
from jit.models import JitPort
from portal.azure import checks
from portal.azure.checks import facts
from portal.azure.checks.sessions import check_room, check_serving_host

NATIVE_CLIENT = "host.tunneling"  # a warning: without it the browser is left
ANY_LENGTH = 60  # where the policy itself is missing


def judge(site: Site, *, port: int, minutes: int | None) -> list[Check]:
    """``minutes``: ``None`` for a window that is renewed in steps for as long as it is needed."""
    ports = [as_facts(each) for each in site.machine.jit_ports.all()]
    seen = facts.Site.from_json({**site.facts, "jit_ports": ports})
    guarded = seen.jit_port(port)
    longest = guarded.max_minutes if guarded else None
    return [
        *checks.check_machine(seen, port),
        *checks.check_window(seen, port, minutes or longest or ANY_LENGTH),
        *check_serving_host(seen, NATIVE_CLIENT),
        *check_room(seen, site.crowd),
    ]


def as_facts(port: JitPort) -> Facts:
    """Its policy is its gate."""
    return {
        "policy_id": port.gate.resource_id,
        "number": port.number,
        "source_prefixes": port.source_prefixes,
        "max_minutes": port.max_minutes,
    }
