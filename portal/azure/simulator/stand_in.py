"""A page in place of Azure Bastion's own, at ``/stand-in/<the host's DNS name>/<path>``: whom a
link was given to meets it there and begins a session. For the demo and for tests; no part of ARM,
which neither records nor counts it. Azure's own page has never been looked at.
"""

import html
from urllib.parse import parse_qs

from portal.azure.simulator import network, sessions
from portal.azure.simulator.answers import Refused, Reply
from portal.azure.simulator.catalogue import Resource
from portal.azure.simulator.resource_ids import name_of
from portal.azure.simulator.world import World

PATH = "/stand-in/"
USER, LONGEST_NAME = "vendor-local", 64
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem}"
    "h1{font-size:1.4rem}button,input{font:inherit;padding:.5rem .8rem}"
    "label{display:block;margin:1rem 0 .3rem}:root{color-scheme:light dark}"
)
ABOUT = "This stands in for Azure Bastion: a simulated one, for the demo and for tests."
SHUT = "The machine's port is shut: a link alone opens none."
GONE = "This link leads nowhere: it was never made, or it was deleted."


def answer(world: World, method: str, path: str, query: dict[str, str], body: bytes) -> Reply:
    link = _link(world, path.removeprefix(PATH))
    if link is None:
        return _page(404, "No such link", f"<p>{GONE}</p>")
    if method == "POST":
        return _connect(world, link, path, body)
    if method != "GET":
        return _page(405, "Not so", "<p>Open the link in a browser.</p>")
    if known := query.get("session", ""):
        return _page(200, "Connected", _standing(world, link, known))
    return _page(200, f"Connect to {name_of(link['vm'])}", _form(link))


def _connect(world: World, link: Resource, path: str, body: bytes) -> Reply:
    """As somebody whom the machine itself knows: Azure asks for no account of its own."""
    given = parse_qs(body.decode(errors="replace")).get("user", [""])[0].strip()
    protocol = _protocol(world, link["vm"])
    host, vm = world.catalogue.find(link["bastion"]) or {}, link["vm"]
    order = {"bastion": link["bastion"], "vm": vm, "protocol": protocol, "via": "link"}
    if not network.admits(world.catalogue, host, vm, sessions.PORTS[protocol]):
        return _page(409, "Not connected", f"<p>{SHUT}</p>")
    try:
        made = sessions.connect(world, {**order, "userName": given[:LONGEST_NAME] or USER})
    except Refused as refused:
        return _page(refused.status, "Not connected", f"<p>{html.escape(refused.message)}</p>")
    sessions.note(world, "session.connected", made)
    to = {"Location": f"{path}?session={made['sessionId']}"}
    return Reply(303, {**HEADERS, **to}, b"")


def _link(world: World, address: str) -> Resource | None:
    wanted = f"https://{address}"
    return next((each for each in world.links if each["bsl"] == wanted), None)


def _form(link: Resource) -> str:
    machine = html.escape(name_of(link["vm"]))
    return (
        f"<p>The link is for <b>{machine}</b>.</p>"
        '<form method="post"><label for="user">Your user name on the machine</label>'
        f'<input id="user" name="user" value="{USER}" maxlength="{LONGEST_NAME}"> '
        "<button>Connect</button></form>"
    )


def _standing(world: World, link: Resource, session_id: str) -> str:
    found = sessions.find(world, session_id)
    if found is None or found["targetResourceId"] != link["vm"]:
        return "<p>The session is over: it was disconnected.</p>"
    user, machine = html.escape(found["userName"]), html.escape(name_of(link["vm"]))
    return f"<p><b>{user}</b> is connected to <b>{machine}</b> by {found['protocol']}.</p>"


def _protocol(world: World, vm_id: str) -> str:
    vm = world.catalogue.find(vm_id) or {"properties": {}}
    disk = vm["properties"].get("storageProfile", {}).get("osDisk", {})
    return "RDP" if disk.get("osType") == "Windows" else "SSH"


def _page(status: int, title: str, inner: str) -> Reply:
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}'
        '</title><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main><h1>{html.escape(title)}</h1>{inner}"
        f"<p><small>{ABOUT}</small></p></main></body></html>"
    )
    return Reply(status, dict(HEADERS), text.encode())
