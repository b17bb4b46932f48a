"""Connecting through what is open, and ending it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from bastion_access import az, child
from bastion_access.commanding import command, leave
from bastion_access.commands.reading import Reference, way
from bastion_access.completing import targets_like
from bastion_access.desk import Desk, without_token
from bastion_access.errors import CliError, Over, Wrong
from bastion_access.finding import grants_of, is_reference, reference_of, request_of, which
from bastion_access.output import Output
from bastion_access.plain import plain, text
from bastion_access.portal import Json
from bastion_access.times import clock, left_until, moment, seconds_of
from bastion_access.waiting import wait_until_open

LIVE = ("scheduled", "opening", "open", "closing")
AGAIN = timedelta(seconds=15)  # between two questions whether it is really over
MOST = 200


def add_to(app: typer.Typer) -> None:
    command(app, "connect")(connect)
    command(app, "end")(end)


@dataclass(frozen=True)
class Going:
    """How to connect. ``way``: part of the name of a way, empty for the recommended one."""

    tunnel: bool = False
    local_port: int | None = None
    user: str = ""
    way: str = ""
    ends: bool = False
    keeps: bool = False
    prints: bool = False


def connect(
    desk: Desk,
    target: Annotated[
        str,
        typer.Argument(
            metavar="BA-…|MACHINE", help="What is open for you.", autocompletion=targets_like
        ),
    ],
    tunnel: Annotated[
        bool, typer.Option("--tunnel", help="Open a tunnel, for a client of your own.")
    ] = False,
    local_port: Annotated[
        int | None,
        typer.Option("--local-port", min=1024, max=65535, help="Where the tunnel ends here."),
    ] = None,
    user: Annotated[str, typer.Option("--user", help="Your name on the machine.")] = "",
    by: Annotated[
        str, typer.Option("--with", metavar="TEXT", help="Another way: key, password, Entra …")
    ] = "",
    wait_for_it: Annotated[bool, typer.Option("--wait", help="Wait until it is open.")] = False,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="LENGTH", help="Wait no longer than this.")
    ] = "",
    ends: Annotated[bool, typer.Option("--end", help="Afterwards end the access, too.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Afterwards keep it, unasked.")] = False,
    prints: Annotated[bool, typer.Option("--print", help="Only print the command.")] = False,
) -> None:
    """Run `az network bastion` for what is open, and clear up when it is over.

    With --json it runs nothing, and tells every way in.
    """
    patience = seconds_of(timeout) if timeout else None
    reference = _reference_for(desk, target)
    if wait_for_it:
        wait_until_open(desk, reference, seconds=patience)
    going = Going(tunnel, local_port, user, by, ends, keep, prints)
    machine = "" if is_reference(target) else target
    connect_to(desk, reference, going, machine=machine)


def connect_to(desk: Desk, reference: str, going: Going, *, machine: str = "") -> None:
    """Through what is open of this request; ends the program with the status of ``az``."""
    grant = _open_grant(desk, reference, machine)
    ways = _ways(desk, grant, going)
    if desk.output.as_json:
        desk.output.result({"reference": reference, "grant": grant, **ways})
        return
    argv = _chosen(ways, going)
    if going.prints:
        desk.output.line(text(az.line(argv)))
        return
    run = az.runnable(argv)
    _announce(desk, grant, argv)
    try:
        status = child.run(run, goes_on=Watch(desk, grant), env=without_token())
    except child.Stopped as stopped:
        status = 128 + stopped.number
    except KeyboardInterrupt:  # Ctrl-C is how a tunnel is ended
        status = 0
    _afterwards(desk, grant, going)
    leave(status)


def end(
    desk: Desk,
    reference: Reference,
    reason: Annotated[str, typer.Option("--reason", help="Needed for what is not your own.")] = "",
) -> None:
    """End access before its time: whatever of the request is not closed yet."""
    asked = request_of(desk.portal, reference_of(reference))
    live = [grant for grant in grants_of(desk.portal, asked) if grant["state"] in LIVE]
    if not live:
        raise Over(f"{asked['reference']}: nothing of it is open.")
    ended = [_end(desk, grant, reason) for grant in live]
    if desk.output.as_json:
        desk.output.result({"grants": ended})
        return
    for grant in ended:
        desk.output.line(
            text(f"{grant['machine']}, {way(grant['kind'], grant['port'])}: its end is ordered.")
        )


class Watch:
    """Whether a connection may go on: asked ten times a second, asks the portal only when its time
    is over, and believes nothing but that it is closed. More time may have been given."""

    def __init__(self, desk: Desk, grant: Json) -> None:
        # A word in the middle of somebody's session would be noise.
        self.desk, self.grant = Desk(desk.named, Output(quiet=True)), grant
        self.portal = desk.portal
        self.look_at = moment(grant["ends_at"]) or datetime.now(UTC)

    def __call__(self) -> bool:
        if datetime.now(UTC) < self.look_at:
            return True
        self.look_at = datetime.now(UTC) + AGAIN
        try:
            found = self.portal.get(f"grants/{self.grant['id']}/")
        except CliError:
            return True
        if found["state"] == "open":
            self.look_at = max(self.look_at, moment(found["ends_at"]) or self.look_at)
        return bool(found["state"] != "closed")


def _reference_for(desk: Desk, target: str) -> str:
    """Of a machine: the request of your own through which it is open, or will be."""
    if is_reference(target):
        return reference_of(target)
    found = [grant for grant in _own(desk) if target.lower() == str(grant["machine"]).lower()]
    if not found:
        found = [grant for grant in _own(desk) if target.lower() in str(grant["machine"]).lower()]
    if not found:
        raise Wrong(
            f"Nothing is open for you on “{plain(target)}”: bastion-access request {plain(target)}"
        )
    by_reference = {str(grant["reference"]): grant for grant in found}
    if len(by_reference) == 1:
        return next(iter(by_reference))
    chosen = which(desk, list(by_reference.values()), _grant_words, f"“{plain(target)}”")
    return str(chosen["reference"])


def _own(desk: Desk) -> list[Json]:
    rows = desk.portal.rows("grants/", most=MOST, state__in="scheduled,opening,open", mine="true")
    return list(rows)


def _open_grant(desk: Desk, reference: str, machine: str) -> Json:
    """Raises ``Over`` or ``Wrong`` where nothing is open."""
    grants = grants_of(desk.portal, request_of(desk.portal, reference))
    if machine:
        grants = [grant for grant in grants if machine.lower() in str(grant["machine"]).lower()]
    found = [grant for grant in grants if grant["state"] == "open"]
    if not found and any(grant["state"] in ("scheduled", "opening") for grant in grants):
        raise CliError(f"{reference} is not open yet. Wait for it: --wait")
    if not found and not grants:
        raise CliError(f"{reference} is not approved yet. Wait for it: --wait")
    if not found:
        raise Over(f"{reference} is over: nothing of it is open.")
    return found[0] if len(found) == 1 else which(desk, found, _grant_words, reference)


def _ways(desk: Desk, grant: Json, going: Going) -> Json:
    """Raises ``CliError`` when there is no way in just now."""
    wishes = {"user_name": going.user, "local_port": going.local_port}
    ways = desk.portal.get(f"grants/{grant['id']}/connect/", **wishes)
    if not ways["ready"]:
        raise CliError(f"{grant['reference']} cannot be used now: {ways['why']}")
    return ways


def _chosen(ways: Json, going: Going) -> list[str]:
    """One that is known to be harmless: the first that fits. Raises ``CliError``."""
    runnable = [each for each in ways["commands"] if isinstance(each["argv"], list)]
    if not runnable:
        lines = [
            f"  {plain(each['label'])}: {plain(each['text'])}"
            for each in ways["commands"]
            if each["language"] == "address"
        ]
        raise CliError("\n".join(["There is no way in by command, but:", *lines]))
    fitting = [each for each in runnable if _fits(each, going)]
    if not fitting:
        names = dict.fromkeys(plain(each["label"]) for each in runnable)
        raise Wrong(f"There is no such way. There are: {', '.join(names)}.")
    return az.checked(fitting[0]["argv"])


def _fits(each: Json, going: Going) -> bool:
    tunnel = az.verb_of(az.checked(each["argv"])) == "tunnel"
    wanted = going.tunnel or going.local_port is not None
    named = going.way.lower() in f"{each['label']} {each['group']}".lower()
    return named and (tunnel or not wanted)


def _announce(desk: Desk, grant: Json, argv: list[str]) -> None:
    left = left_until(grant["ends_at"], datetime.now(UTC))
    until = f"until {clock(grant['ends_at'])}" + (f", {left}" if left else "")
    desk.output.say(f"{grant['reference']}: {plain(grant['machine'])}, {until}.")
    desk.output.say_line(az.line(argv), "dim")
    if az.verb_of(argv) == "tunnel":
        here = az.option(argv, "--port")
        desk.output.say(f"Point your client at 127.0.0.1:{here}. Ctrl-C closes the tunnel.")


def _afterwards(desk: Desk, grant: Json, going: Going) -> None:
    """The access itself goes on until its end, unless one says that one needs it no longer."""
    if going.keeps:
        return
    what = f"{grant['reference']} on {plain(grant['machine'])}"
    if not going.ends and not (desk.output.asks and desk.output.confirm(f"End {what} now?")):
        return
    _end(desk, grant, "")
    desk.output.say(f"The end of {what} is ordered.")


def _end(desk: Desk, grant: Json, reason: str) -> Json:
    """Ending twice is ending once, so it is repeated when an answer is lost."""
    return desk.portal.repeat(f"grants/{grant['id']}/end/", {"reason": reason})


def _grant_words(grant: Json) -> str:
    what = f"{plain(grant['machine'])}  {way(grant['kind'], grant['port'])}"
    return f"{grant['reference']}  {what}, until {clock(grant['ends_at'])}"
