"""What a request would need, before it is sent."""

from rich.text import Text

from bastion_access.desk import Desk
from bastion_access.errors import Refused
from bastion_access.output import BAD, SOON, facts
from bastion_access.plain import plain, text
from bastion_access.portal import Json
from bastion_access.times import clock

AT_ONCE = "a rule approves it at once"
STYLES = {"fail": BAD, "warn": SOON}


def show_preview(desk: Desk, told: Json) -> None:
    """On the standard error: it is no result. Raises ``Refused`` when it could not be sent."""
    pairs: list[tuple[str, str | Text]] = [
        ("Machine", ", ".join(str(each["machine"]) for each in told["preflight"])),
        ("Until", f"{clock(told['ends_at'])}, if it is approved at once"),
        ("Decided by", _deciders(told)),
        ("Usual wait", str(told["usual_wait"])),
        ("Asks for", " ".join(map(str, told["asks"]))),
    ]
    if not desk.output.quiet:
        desk.output.err.print(facts(pairs))
    for each in told["preflight"]:
        _show_checks(desk, each)
    if not told["accepted"]:
        raise Refused("invalid", "It would be refused.", fields=told["problems"])


def _deciders(told: Json) -> Text:
    match told["decided"]:
        case "by-rule":
            return Text(AT_ONCE)
        case "by-people":
            return text(", then ".join(map(_stage_words, told["stages"])))
        case _:
            return text(told["why_not"], BAD)


def _stage_words(stage: Json) -> str:
    """``Payments leads (1 of 4 people)``."""
    people = "person" if stage["people"] == 1 else "people"
    return f"{stage['name']} ({stage['needed']} of {stage['people']} {people})"


def _show_checks(desk: Desk, machine: Json) -> None:
    """Only what stands in the way, or may."""
    for check in machine["checks"]:
        style = STYLES.get(str(check["level"]))
        if style is None:
            continue
        words = f"{plain(machine['machine'])}: {plain(check['title'])}. {plain(check['evidence'])}"
        desk.output.say(words, style)
        if check["remedy"]:
            desk.output.say(str(check["remedy"]))
