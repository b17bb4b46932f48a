"""Looking: machines, requests, what is open, the ledger."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.text import Text

from bastion_access.commanding import command
from bastion_access.commands.vendor import said_of_vendor
from bastion_access.completing import machines_like, references_like
from bastion_access.desk import Desk
from bastion_access.errors import Wrong
from bastion_access.finding import reference_of
from bastion_access.output import DIM, facts, state, table
from bastion_access.plain import plain, text
from bastion_access.portal import Json
from bastion_access.times import clock, left_until, length, moment, seconds_of
from bastion_access.waiting import standing, word_of, words_of

PROTOCOLS = {22: "SSH", 3389: "RDP"}
HOLDING = "opening,open,closing"
LIVE = f"scheduled,{HOLDING}"
MOST_LIVE = 2000
Most = Annotated[int, typer.Option("--limit", min=1, max=2000, help="At most this many.")]
Reference = Annotated[
    str, typer.Argument(metavar="BA-…", help="The request.", autocompletion=references_like)
]


def add_to(app: typer.Typer) -> None:
    command(app, "machines")(machines)
    command(app, "list")(requests)
    command(app, "show")(show)
    command(app, "open-now")(open_now)
    command(app, "ledger")(ledger)


def machines(
    desk: Desk,
    words: Annotated[
        str,
        typer.Argument(
            metavar="TEXT", help="Words of the name, owner or place.", autocompletion=machines_like
        ),
    ] = "",
    limit: Most = 50,
) -> None:
    """Machines, and what can be asked for on each."""
    rows = list(desk.portal.rows("machines/", most=limit, q=words))
    if desk.output.as_json:
        desk.output.result({"results": rows})
        return
    columns = ["Machine", "Id", "System", "Environment", "Owner", "Region", "Offers"]
    shown = [
        [
            str(row["name"]), str(row["id"]), str(row["os"]), str(row["environment"]),
            str(row["owner"]), str(row["region"]), _offers(row),
        ]
        for row in rows
    ]  # fmt: skip
    _table_or(desk, columns, shown, "No machine is called so.")


def requests(
    desk: Desk,
    mine: Annotated[bool, typer.Option("--mine", help="Your own, as when none is given.")] = False,
    waiting: Annotated[
        bool, typer.Option("--waiting", help="Those that wait for your decision.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="All that you may see.")] = False,
    state_is: Annotated[
        str,
        typer.Option("--state", help="pending, approved, denied, withdrawn or lapsed."),
    ] = "",
    limit: Most = 30,
) -> None:
    """Requests, the newest first."""
    if mine + waiting + everything > 1:
        raise Wrong("Say one of --mine, --waiting and --all.")
    if waiting and state_is not in ("", "pending"):
        raise Wrong("What waits is pending: leave --state out.")
    query = {"state": state_is}
    if not everything:
        query["waiting" if waiting else "mine"] = "true"
    rows = list(desk.portal.rows("requests/", most=limit, **query))
    if desk.output.as_json:
        desk.output.result({"results": rows})
        return
    columns = ["Request", "State", "Machine", "Way", "For", "Who", "Asked"]
    live = _live_grants(desk, rows, query)
    shown = [_request_row(row, _word_of(row, live)) for row in rows]
    _table_or(desk, columns, shown, "None.")


def show(desk: Desk, reference: Reference) -> None:
    """One request: its terms, what was decided and said, what is open."""
    found = standing(desk, reference_of(reference))
    asked = found.asked
    said = list(desk.portal.rows(f"requests/{asked['reference']}/comments/", most=200))
    if desk.output.as_json:
        desk.output.result({**found.as_json(), "comments": said})
        return
    desk.output.heading(f"{asked['reference']} {words_of(found)}")
    desk.output.show(facts(_terms(asked)))
    for decision in asked["decisions"]:
        desk.output.show(_decision(decision))
    for comment in said:
        name = (plain(comment["by"]["display_name"]), "bold")
        desk.output.show(Text.assemble(name, f" {clock(comment['at'])}: ", text(comment["text"])))
    if found.grants:
        desk.output.show(Text(""))
        _show_grants(desk, found.grants)


def open_now(
    desk: Desk,
    limit: Most = 200,
) -> None:
    """What is open, opening or closing, and who is connected: as far as you may see."""
    grants = list(desk.portal.rows("grants/", most=limit, state__in=HOLDING))
    sessions = list(desk.portal.rows("sessions/", most=limit, live="true"))
    if desk.output.as_json:
        desk.output.result({"grants": grants, "sessions": sessions})
        return
    if not grants and not sessions:
        desk.output.say("Nothing is open.")
    if grants:
        _show_grants(desk, grants)
    if sessions:
        desk.output.show(Text(""))
        columns = ["Connected", "User there", "Protocol", "Host", "Since", "May be"]
        desk.output.show(table(columns, [_session_row(row) for row in sessions]))


def ledger(
    desk: Desk,
    event: Annotated[str, typer.Option("--event", help="Such as request.approved.")] = "",
    about: Annotated[str, typer.Option("--reference", metavar="BA-…", help="Of one request.")] = "",
    since: Annotated[
        str, typer.Option("--since", metavar="LENGTH", help="Of the last 2h, 7d or so.")
    ] = "",
    limit: Most = 50,
) -> None:
    """The ledger, the newest first. For administrators and auditors."""
    query = {"event": event, "reference": reference_of(about) if about else ""}
    if since:
        query["at__gte"] = (datetime.now(UTC) - timedelta(seconds=seconds_of(since))).isoformat()
    rows = list(desk.portal.rows("ledger/", most=limit, **query))
    if desk.output.as_json:
        desk.output.result({"results": rows})
        return
    columns = ["Line", "At", "Event", "Outcome", "Who", "Request"]
    shown = [
        [
            str(row["seq"]), clock(row["at"]), str(row["event"]), str(row["outcome"]),
            _who(row), str(row["reference"]),
        ]
        for row in rows
    ]  # fmt: skip
    _table_or(desk, columns, shown, "No line is like that.")


def _who(line: dict[str, Any]) -> str:
    """Somebody from a vendor may have the name of somebody with an account."""
    said = " (vendor)" if line["actor_kind"] == "vendor" else ""
    return f"{line['actor_name']}{said}"


def way(kind: object, port: object) -> str:
    """``SSH``, ``port 5432``, ``RDP link``."""
    what = PROTOCOLS.get(port, f"port {port}") if isinstance(port, int) else plain(port)
    return what if kind == "window" else f"{what} {plain(kind)}"


def _offers(machine: Json) -> str:
    """What is possible; where nothing is, why not."""
    offers = machine["offers"]
    possible = [way(each["kind"], each["port"]) for each in offers if not each["refusal"]]
    refusals = [str(each["refusal"]) for each in offers if each["refusal"]]
    return ", ".join(possible) if possible else " ".join(dict.fromkeys(refusals)) or "nothing"


def _live_grants(desk: Desk, rows: list[Json], query: dict[str, str]) -> dict[str, list[Json]]:
    """By reference. Not asked for where nothing is approved."""
    if not any(row["state"] == "approved" for row in rows):
        return {}
    mine = {name: value for name, value in query.items() if name == "mine"}
    found: dict[str, list[Json]] = {}
    for grant in desk.portal.rows("grants/", most=MOST_LIVE, state__in=LIVE, **mine):
        found.setdefault(str(grant["reference"]), []).append(grant)
    return found


def _word_of(row: Json, live: dict[str, list[Json]]) -> str:
    """What became of it: an approval says little about whether it is open."""
    if row["state"] != "approved" or row["extends"]:
        return str(row["state"])
    grants = live.get(str(row["reference"]), [])
    return word_of(grants) if grants else "closed"


def _request_row(row: Json, word: str) -> list[str | Text]:
    doors = row["doors"]
    names = list(dict.fromkeys(str(door["machine"]) for door in doors))
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    port = next((door["port"] for door in doors if door["kind"] == row["kind"]), "")
    return [
        str(row["reference"]),
        state(word),
        (names[0] if names else "") + more,
        way(row["kind"], port),
        length(row["approved_minutes"] or row["duration_minutes"]),
        str(row["requester"]["display_name"]),
        clock(row["created_at"]),
    ]


def _terms(asked: Json) -> list[tuple[str, str | Text]]:
    doors = [f"{door['machine']} ({way(door['kind'], door['port'])})" for door in asked["doors"]]
    given = asked["approved_minutes"]
    shortened = given is not None and given != asked["duration_minutes"]
    return [
        ("For", ", ".join(dict.fromkeys(doors))),
        ("Asked by", str(asked["requester"]["display_name"])),
        ("Asked", clock(asked["created_at"])),
        ("Begins", clock(asked["asked_start"])),
        ("Length", length(asked["duration_minutes"])),
        ("Given", length(given) if shortened else ""),
        ("Why", str(asked["reason"])),
        ("Ticket", str(asked["ticket"])),
        *said_of_vendor(asked),
        ("More time for", str(asked["extends"] or "")),
        ("Needs", "; ".join(f"{stage['name']} ({stage['needed']})" for stage in asked["stages"])),
        ("Held", str(asked["hold"] or "")),
        ("Blocked", str(asked["blocked"] or "")),
        ("Answer", str(asked["comment"] or "")),
    ]


def _decision(decision: Json) -> Text:
    behalf = decision["on_behalf_of"]
    whose = f" for {plain(behalf['display_name'])}" if behalf else ""
    void = " (no longer counts)" if decision["dismissed_at"] else ""
    words = f" {clock(decision['at'])}: {plain(decision['verdict'])}{void} "
    name = (f"{plain(decision['by']['display_name'])}{whose}", "bold")
    return Text.assemble(name, words, text(decision["comment"], DIM))


def _show_grants(desk: Desk, grants: list[Json]) -> None:
    columns = ["Machine", "Way", "State", "From", "Until", "Request", "Who"]
    desk.output.show(table(columns, [_grant_row(grant) for grant in grants]))


def _grant_row(grant: Json) -> list[str | Text]:
    now = datetime.now(UTC)
    left = left_until(grant["ends_at"], now) if grant["state"] == "open" else ""
    ending = "open, its end is ordered" if grant["end_ordered"] and grant["state"] == "open" else ""
    until = f"{clock(grant['ends_at'])} ({left})" if left else clock(grant["ends_at"])
    if moment(grant["closed_at"]) is not None:
        until = clock(grant["closed_at"])
    return [
        str(grant["machine"]),
        way(grant["kind"], grant["port"]),
        state(grant["state"], ending),
        clock(grant["starts_at"]),
        until,
        str(grant["reference"]),
        str(grant["requester"]["display_name"]),
    ]


def _session_row(row: Json) -> list[str | Text]:
    people = [
        f"{each['requester']['display_name']} ({each['reference']})" for each in row["may_be"]
    ]
    unexplained = Text("nobody's access", style="bold red") if row["unexplained"] else ""
    return [
        str(row["machine"] or row["target"] or row["address"] or "?"),
        str(row["user_name"]),
        str(row["protocol"]),
        str(row["host"]),
        clock(row["started_at"]),
        ", ".join(people) or unexplained,
    ]


def _table_or(
    desk: Desk, columns: list[str], rows: list[list[str]] | list[list[str | Text]], none: str
) -> None:
    if rows:
        desk.output.show(table(columns, rows))
    else:
        desk.output.say(none)
