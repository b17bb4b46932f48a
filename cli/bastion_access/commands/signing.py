"""Signing in and out. The person signs in on the portal's page; this program is given a token."""

import contextlib
import platform
import time
from typing import Annotated

import typer

from bastion_access import __version__, keeping
from bastion_access.address import on_portal, portal_address
from bastion_access.browser import show_page
from bastion_access.commanding import command
from bastion_access.desk import TOKEN, Desk, token_from_environment
from bastion_access.errors import CliError, Denied, NotSignedIn, Refused, TimedOut
from bastion_access.output import facts
from bastion_access.plain import plain
from bastion_access.portal import Json, Portal
from bastion_access.times import clock

SCOPES = ["read", "request"]
PENDING, SLOW_DOWN = "authorization-pending", "slow-down"
SLOWER = 5.0  # seconds more between two questions, each time the portal asks for it (RFC 8628)
LONGEST_NAME = 120
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Only print the address.")]


def add_to(app: typer.Typer) -> None:
    command(app, "sign-in")(sign_in)
    command(app, "sign-out")(sign_out)
    command(app, "who")(who)


def sign_in(
    desk: Desk,
    url: Annotated[
        str, typer.Argument(metavar="URL", help="The portal's address, the first time.")
    ] = "",
    no_browser: NoBrowser = False,
) -> None:
    """Sign in: allow this program on a page of the portal, on any device."""
    address = portal_address(url) if url else desk.address
    portal = Portal(address, say=desk.output.say)
    asked = portal.post("device/", {"client": _client(), "scopes": SCOPES})
    page = on_portal(address, str(asked["verification_uri_complete"]))
    desk.output.err.print(f"Your code is {plain(asked['user_code'])}", style="bold")
    desk.output.err.print("Compare it with the one on this page, and allow it only if they agree:")
    show_page(desk, page, opens=not no_browser)
    given, former = _fetch(portal, asked), _former(desk, address)
    kept = keeping.Kept(address, str(given["token"]), str(given["name"]), str(given["expires_at"]))
    keeping.keep(kept)
    if former is not None:  # so that no forgotten one lies about
        with contextlib.suppress(CliError):
            Portal(address, former.token).delete("tokens/current/")
    me = Portal(address, kept.token, desk.output.say).get("me/")
    if desk.output.as_json:
        desk.output.result({"portal": address, **me})
        return
    until = clock(kept.expires_at)
    desk.output.show(facts([("Signed in as", str(me["name"])), ("At", address), ("Until", until)]))


def sign_out(desk: Desk) -> None:
    """Revoke the token at the portal, and forget it."""
    address, kept = desk.address, keeping.kept_for(desk.address)
    if token_from_environment():
        desk.output.say(f"{TOKEN} is set and stays as it is; unset it yourself.")
    if kept is not None:
        keeping.forget(address)  # first: whatever the portal says, it is gone from here
        _revoke(Portal(address, kept.token, desk.output.say))
    if desk.output.as_json:
        desk.output.result({"portal": address, "signed_out": kept is not None})
    else:
        desk.output.say("Signed out." if kept else "You were not signed in.")


def who(desk: Desk) -> None:
    """Who you are to the portal, and until when."""
    me = desk.portal.get("me/")
    if desk.output.as_json:
        desk.output.result({"portal": desk.address, **me})
        return
    token = me["token"] or {}
    pairs = [
        ("Name", str(me["name"])),
        ("Mail", str(me["mail"])),
        ("Roles", ", ".join(me["roles"])),
        ("Portal", desk.address),
        ("Token", str(token.get("name", ""))),
        ("May", ", ".join(me["scopes"])),
        ("Until", clock(token.get("expires_at"))),
    ]
    desk.output.show(facts(pairs))


def _fetch(portal: Portal, asked: Json) -> Json:
    """Asks no more often than it may, until somebody has answered. Raises ``Denied`` or
    ``TimedOut``."""
    pause, deadline = float(asked["interval"]), time.monotonic() + float(asked["expires_in"])
    while time.monotonic() < deadline:
        time.sleep(pause)
        try:
            return portal.post("device/token/", {"device_code": asked["device_code"]})
        except Refused as refusal:
            if refusal.kind == "access-denied":
                raise Denied("You were refused: nobody was signed in.") from refusal
            if refusal.kind == "expired-token":
                break
            if refusal.kind not in (PENDING, SLOW_DOWN):
                raise
            pause += SLOWER if refusal.kind == SLOW_DOWN else 0
    raise TimedOut("Nobody answered in time. Start anew: bastion-access sign-in")


def _former(desk: Desk, address: str) -> keeping.Kept | None:
    """The token that is replaced. One that others could read is told of and not used again."""
    try:
        return keeping.kept_for(address)
    except CliError as error:
        desk.output.say(str(error))
        return None


def _revoke(portal: Portal) -> None:
    """What the portal no longer knows is revoked already."""
    try:
        portal.delete("tokens/current/")
    except NotSignedIn:
        return
    except CliError as error:
        raise CliError(
            f"It is forgotten here, but could not be revoked at the portal: {error} Revoke it in "
            "My settings."
        ) from error


def _client() -> str:
    """What the page shows to the person who is to allow it."""
    return f"bastion-access {__version__} on {platform.node() or 'a computer'}"[:LONGEST_NAME]
