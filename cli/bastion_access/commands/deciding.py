"""Decisions are made on the portal's pages, by a person who has signed in there. These commands
lead to the page; no token can decide, and none is sent along."""

from typing import Annotated

import typer

from bastion_access.browser import show_page
from bastion_access.commanding import command
from bastion_access.commands.reading import Reference
from bastion_access.desk import Desk
from bastion_access.finding import reference_of, request_of
from bastion_access.plain import text

NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Only print the address.")]


def add_to(app: typer.Typer) -> None:
    command(app, "approve")(approve)
    command(app, "deny")(deny)


def approve(desk: Desk, reference: Reference, no_browser: NoBrowser = False) -> None:
    """Open the request's page, where it is approved."""
    _lead_to(desk, reference, opens=not no_browser)


def deny(desk: Desk, reference: Reference, no_browser: NoBrowser = False) -> None:
    """Open the request's page, where it is denied."""
    _lead_to(desk, reference, opens=not no_browser)


def _lead_to(desk: Desk, typed: str, *, opens: bool) -> None:
    asked = request_of(desk.portal, reference_of(typed))
    address = desk.page(f"/requests/{reference_of(typed)}/")
    if desk.output.as_json:
        desk.output.result(
            {"reference": asked["reference"], "state": asked["state"], "url": address}
        )
        return
    if asked["state"] != "pending":
        desk.output.say(f"{asked['reference']} is {asked['state']} already.")
    if not opens:
        desk.output.line(text(address))
        return
    desk.output.say("Decisions are made on the portal's page:")
    show_page(desk, address, opens=True)
