"""The way in that needs nothing but a browser: the connect page of Azure's own portal."""

from urllib.parse import quote

from access.kinds import Command, Visit
from access.models import BastionHost
from jit.connect.reach import takes_clients, why_no_clients

GROUP = "In the browser"

# "#@/resource" followed by a resource's id is how everybody links into Azure's portal. What
# follows the id names an entry of the resource's menu, and Microsoft documents none of these.
# "bastionHost" is what public repositories that do not know each other use for a machine's
# Bastion page; it could not be tried against a real tenant. The note says how to get there by
# hand, in case it leads to the machine's overview.
PAGE = "https://portal.azure.com/#@/resource{id}/bastionHost"


def in_the_browser(host: BastionHost, visit: Visit) -> Command:
    address = PAGE.format(id=quote(visit.machine.resource_id, safe="/"))
    return Command("In the browser", address, _note(host, visit), GROUP, language="address")


def _note(host: BastionHost, visit: Visit) -> str:
    settings = ""
    if visit.port != visit.machine.login_port:
        settings = f", open Connection settings and set port {visit.port}"
    by_hand = (
        f"In the Azure portal open {visit.machine.name}, choose Connect, then Bastion{settings}, "
        "and sign in with your account on the machine."
    )
    return by_hand if takes_clients(host) else f"{by_hand} {why_no_clients(host)}"
