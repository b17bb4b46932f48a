"""Asking for access and for more of it, waiting, and taking back."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from bastion_access.commanding import command, leave
from bastion_access.commands import vendor
from bastion_access.commands.connecting import Going, connect_to
from bastion_access.commands.reading import Reference, way
from bastion_access.completing import machines_like
from bastion_access.desk import Desk
from bastion_access.errors import Exit, Refused, Wrong
from bastion_access.finding import machine_named, reference_of, which
from bastion_access.output import SOON, state
from bastion_access.plain import plain, text
from bastion_access.portal import Json
from bastion_access.previewing import show_preview
from bastion_access.times import length, minutes_of, seconds_of, start_of
from bastion_access.waiting import standing, wait_until_open, words_of

USUAL = "30m"
SSH, RDP = 22, 3389
Length = Annotated[str, typer.Option("--for", metavar="LENGTH", help="Such as 30m, 2h or 1h30m.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; asked for when it is left out.")]
Ticket = Annotated[str, typer.Option("--ticket", help="Such as INC-12345.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Send without asking once more.")]
Timeout = Annotated[
    str, typer.Option("--timeout", metavar="LENGTH", help="Wait no longer than this.")
]


def add_to(app: typer.Typer) -> None:
    command(app, "request")(request)
    command(app, "wait")(wait)
    command(app, "extend")(extend)
    command(app, "withdraw")(withdraw)
    command(app, "comment")(comment)


def request(
    desk: Desk,
    machines: Annotated[
        list[str],
        typer.Argument(metavar="MACHINE", help="By name or number.", autocompletion=machines_like),
    ],
    ssh: Annotated[bool, typer.Option("--ssh", help="Port 22.")] = False,
    rdp: Annotated[bool, typer.Option("--rdp", help="Port 3389.")] = False,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Another port.")
    ] = None,
    kind: Annotated[
        str, typer.Option("--kind", help="window: a port, for you; link: for a vendor.")
    ] = "window",
    lasting: Length = USUAL,
    reason: Reason = "",
    ticket: Ticket = "",
    start: Annotated[
        str, typer.Option("--start", help="now, +2h, 14:00 or 2026-01-31T14:00.")
    ] = "now",
    vendor_name: vendor.Name = "",
    vendor_company: vendor.Company = "",
    vendor_mail: vendor.Mail = "",
    vendor_phone: vendor.Phone = "",
    vendor_checked: vendor.Checked = False,
    vendor_alias: vendor.Alias = "",
    vendor_login: vendor.Login = "",
    vendor_zone: vendor.Zone = "",
    vendor_language: vendor.Language = "",
    vendor_source: vendor.Sources = [],  # noqa: B006
    yes: Yes = False,
    wait_for_it: Annotated[bool, typer.Option("--wait", help="Wait until it is open.")] = False,
    timeout: Timeout = "",
    connect: Annotated[
        bool, typer.Option("--connect", help="Wait until it is open, and connect.")
    ] = False,
) -> None:
    """Ask for access to one or more machines: shows what it needs, then sends it."""
    patience = seconds_of(timeout) if timeout else None
    begins = start_of(start, datetime.now(UTC))
    of_vendor = vendor.vendor_words(
        kind,
        name=vendor_name,
        company=vendor_company,
        mail=vendor_mail,
        login=vendor_login,
        phone=vendor_phone,
        checked=vendor_checked,
        alias=vendor_alias,
        zone=vendor_zone,
        language=vendor_language,
        source=vendor_source,
    )
    wanted = _port_of(port, ssh=ssh, rdp=rdp)
    doors = [_door(desk, machine_named(desk, name), kind, wanted) for name in machines]
    body = {
        **doors[0],
        "kind": kind,
        "others": doors[1:],
        "minutes": minutes_of(lasting),
        "reason": reason or _ask_why(desk),
        "ticket": ticket,
        "start": begins.isoformat() if begins else None,
        **of_vendor,
    }
    if not yes:
        show_preview(desk, desk.portal.post("requests/preview/", body))
        _must_confirm(desk)
    reference = str(desk.portal.repeat("requests/", body)["reference"])
    after = After(patience, waits=wait_for_it or connect, connects=connect)
    _go_on(desk, reference, after)


def wait(desk: Desk, reference: Reference, timeout: Timeout = "") -> None:
    """Wait until a request is open, or will not be: exit status 0, 4, 5 or 6."""
    patience = seconds_of(timeout) if timeout else None
    found = wait_until_open(desk, reference_of(reference), seconds=patience)
    _tell(desk, found.as_json(), f"{found.asked['reference']} {words_of(found)}.")


def extend(
    desk: Desk,
    reference: Reference,
    lasting: Length = USUAL,
    reason: Reason = "",
    ticket: Ticket = "",
    yes: Yes = False,
    wait_for_it: Annotated[bool, typer.Option("--wait", help="Wait until it is approved.")] = False,
    timeout: Timeout = "",
) -> None:
    """Ask for more time, from the present end on. It is decided like any request."""
    patience = seconds_of(timeout) if timeout else None
    parent, minutes = reference_of(reference), minutes_of(lasting)
    body = {"minutes": minutes, "reason": reason or _ask_why(desk), "ticket": ticket}
    if not yes:
        desk.output.say(f"{length(minutes)} more for {parent}.")
        _must_confirm(desk)
    made = desk.portal.repeat(f"requests/{parent}/extend/", body)
    _go_on(desk, str(made["reference"]), After(patience, waits=wait_for_it))


def withdraw(desk: Desk, reference: Reference) -> None:
    """Take back your own request, as long as nobody has decided it."""
    made = desk.portal.post(f"requests/{reference_of(reference)}/withdraw/", {})
    _tell(desk, {"request": made}, f"{made['reference']} is withdrawn.")


def comment(
    desk: Desk,
    reference: Reference,
    words: Annotated[str, typer.Argument(metavar="TEXT", help="What to say.")],
    answers: Annotated[
        bool, typer.Option("--answer", help="To the question that an approver asked.")
    ] = False,
) -> None:
    """Say something about a request, or answer what an approver asked."""
    about = reference_of(reference)
    body = {"text": words, "kind": "answer" if answers else "comment"}
    said = desk.portal.repeat(f"requests/{about}/comments/", body)
    _tell(desk, {"comment": said}, f"Said to everybody concerned with {about}.")


@dataclass(frozen=True)
class After:
    """What is to happen once it is sent. ``patience``: seconds, ``None`` without end."""

    patience: int | None = None
    waits: bool = False
    connects: bool = False


def _go_on(desk: Desk, reference: str, after: After) -> None:
    found = standing(desk, reference)
    if after.waits:
        desk.output.say(f"{reference} is sent.")
        found = wait_until_open(desk, reference, seconds=after.patience)
    if after.connects:
        connect_to(desk, reference, Going())
        return
    if desk.output.as_json:
        desk.output.result(found.as_json())
        return
    desk.output.line(text(reference, "bold") + text(" ") + state(found.word, words_of(found)))


def _port_of(port: int | None, *, ssh: bool, rdp: bool) -> int | None:
    """``None``: not said."""
    said = [*([SSH] if ssh else []), *([RDP] if rdp else []), *([port] if port else [])]
    if len(said) > 1:
        raise Wrong("Say one of --ssh, --rdp and --port.")
    return said[0] if said else None


def _door(desk: Desk, machine: Json, kind: str, port: int | None) -> dict[str, Any]:
    """What the portal is asked for on this machine. Raises ``Wrong`` or ``Refused``."""
    offers = [each for each in machine["offers"] if each["kind"] == kind]
    name = plain(machine["name"])
    if not offers:
        kinds = ", ".join(sorted({str(each["kind"]) for each in machine["offers"]})) or "nothing"
        raise Wrong(f"{name} has no {plain(kind)} to offer, but {kinds}.")
    if port is not None:
        named = [each for each in offers if each["port"] == port]
        if not named:
            ports = ", ".join(way(kind, each["port"]) for each in offers)
            raise Wrong(f"{name} has no {way(kind, port)} to offer, but {ports}.")
        offer = named[0]
    else:
        offer = _usual(desk, machine, offers)
    if offer["refusal"]:
        raise Refused("not-possible", f"{name}: {offer['refusal']}")
    if offer["caveat"]:
        desk.output.say(f"{name}: {offer['caveat']}", SOON)
    return {"machine_id": machine["id"], "port": offer["port"]}


def _usual(desk: Desk, machine: Json, offers: list[Json]) -> Json:
    """The port that people sign in at, the only one that is possible, or the one they choose."""
    possible = [each for each in offers if not each["refusal"]] or offers
    login = RDP if machine["os"] == "windows" else SSH
    usual = [each for each in possible if each["port"] == login]
    if usual or len(possible) == 1:
        return (usual or possible)[0]
    ports = [each | {"name": way(each["kind"], each["port"])} for each in possible]
    return which(
        desk, ports, lambda each: str(each["name"]), f"The way to {plain(machine['name'])}"
    )


def _ask_why(desk: Desk) -> str:
    if not desk.output.asks:
        raise Wrong("Why is it needed? Say --reason.")
    return desk.output.ask("Why do you need it?")


def _must_confirm(desk: Desk) -> None:
    if not desk.output.asks:
        raise Wrong("Nobody can be asked here whether to send it: say --yes.")
    if not desk.output.confirm("Send it?"):
        desk.output.say("Nothing was sent.")
        leave(Exit.OK)


def _tell(desk: Desk, result: Json, words: str) -> None:
    if desk.output.as_json:
        desk.output.result(result)
    else:
        desk.output.line(text(words))
