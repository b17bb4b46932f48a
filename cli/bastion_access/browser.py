"""Opening a page in the person's browser, where there is one."""

import os
import sys
import webbrowser

from bastion_access.desk import Desk


def show_page(desk: Desk, address: str, *, opens: bool) -> None:
    """Always says the address, so that it can be opened elsewhere."""
    desk.output.say_line(address, "bold")
    if opens and not has_browser():
        desk.output.say("There is no browser here: open it on another device.")
    elif opens and not webbrowser.open(address):
        desk.output.say("No browser would open it: do it by hand.")


def has_browser() -> bool:
    """Not one that would take over this terminal."""
    if sys.platform in ("win32", "darwin") or os.environ.get("BROWSER"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
