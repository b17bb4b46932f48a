"""Whether a link would be made and lead to the machine: by the stored facts."""

from access.models import Grant
from access.preflight import Check
from access.sites import Site
from access.states import HOLDING
from portal.azure import checks
from portal.azure.checks import facts
from portal.azure.checks.sessions import check_room, check_serving_host


def judge(site: Site, *, kind: str, port: int) -> list[Check]:
    """That the port is open is the window's matter, which is asked for together with the link."""
    seen = facts.Site.from_json(site.facts)
    return [
        *checks.check_machine(seen, port),
        *checks.check_link(seen, links_at(site.machine.bastion_id, kind)),
        *check_serving_host(seen),
        *check_room(seen, site.crowd),
    ]


def links_at(host_id: int | None, kind: str) -> int:
    """As many as were granted; others that somebody made are not known here."""
    held = Grant.objects.filter(kind=kind, state__in=HOLDING)
    return held.filter(gate__link_host__host_id=host_id).count() if host_id else 0
