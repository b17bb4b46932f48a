"""What is said of a vendor's person when a link is asked for, and shown of it."""

from typing import Annotated, Any

import typer

from bastion_access.errors import Wrong
from bastion_access.portal import Json
from bastion_access.times import clock

LINK = "link"
ALWAYS = ("name", "company", "mail", "login")  # the rest may be known from an earlier invitation
SENT_AS = {"login": "credentials", "source": "sources"}

Name = Annotated[str, typer.Option("--vendor-name", help="For a link: who is to come.")]
Company = Annotated[str, typer.Option("--vendor-company", help="Theirs.")]
Mail = Annotated[
    str, typer.Option("--vendor-mail", help="Theirs: the invitation and every code go there.")
]
Phone = Annotated[str, typer.Option("--vendor-phone", help="To call them back on.")]
Checked = Annotated[
    bool, typer.Option("--vendor-checked", help="You called them there, and it is them.")
]
Alias = Annotated[
    str, typer.Option("--vendor-alias", help="What they read in place of the machine's name.")
]
Login = Annotated[
    str,
    typer.Option(
        "--vendor-login", help="Who gives them the login on the machine, and how; never itself."
    ),
]
Zone = Annotated[str, typer.Option("--vendor-zone", help="Theirs, such as Europe/Berlin.")]
Language = Annotated[str, typer.Option("--vendor-language", help="Of their mails: en, de …")]
Sources = Annotated[
    list[str],
    typer.Option("--vendor-source", help="A network that they come from; may be said again."),
]


def vendor_words(kind: str, **said: Any) -> Json:
    """As the portal takes them, of what was said. Raises ``Wrong``."""
    given = {name: value for name, value in said.items() if value}
    if kind != LINK:
        if given:
            raise Wrong(f"{_option(next(iter(given)))} is for --kind link.")
        return {}
    missing = [_option(name) for name in ALWAYS if name not in given]
    if missing:
        raise Wrong(f"A link lets a vendor in: say {', '.join(missing)}, too.")
    return {f"vendor_{SENT_AS.get(name, name)}": value for name, value in given.items()}


def said_of_vendor(asked: Json) -> list[tuple[str, str]]:
    """Of a link; nothing where there is nothing."""
    who = (str(asked[name]) for name in ("vendor_name", "vendor_company", "vendor_mail"))
    vendor = [("Vendor", " ".join(filter(None, who)))]
    details = asked.get("details", {})
    if not details:
        return vendor
    language, zone = details.get("language", ""), details.get("zone", "")
    checked = f"by {details['checked_by']}, {clock(details['checked_at'])}"
    return [
        *vendor,
        ("Phone", str(details.get("phone", ""))),
        ("Checked", checked),
        ("Is called", str(details.get("alias", ""))),
        ("Gives the login", str(details.get("credentials", ""))),
        ("Comes from", ", ".join(map(str, details.get("sources", []))) or "any address"),
        ("Reads", f"{language}, times in {zone}"),
    ]


def _option(name: str) -> str:
    return f"--vendor-{name}"
