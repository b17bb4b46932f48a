"""``bastion-access``: all commands together."""

from typing import Annotated

import typer

from bastion_access import __version__
from bastion_access.commanding import COMMON, Address, Json, NoColor, Quiet
from bastion_access.commands import asking, connecting, deciding, reading, signing

STATUSES = (
    "Exit status: 0 done, 1 refused or the portal cannot be reached, 2 typed wrongly, 3 not signed "
    "in, 4 timed out, 5 denied, 6 over (closed, withdrawn or lapsed), 7 no Azure CLI; connect ends "
    "as az does."
)
app = typer.Typer(
    name="bastion-access",
    help="Ask for, wait for and use time-boxed access to Azure VMs.",
    epilog=STATUSES,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,  # they print values, and a token is one
    context_settings={"help_option_names": ["-h", "--help"]},
)
for part in (signing, reading, asking, connecting, deciding):
    part.add_to(app)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bastion-access {__version__}")
        raise typer.Exit


@app.callback()
def everywhere(
    ctx: typer.Context,
    as_json: Json = False,
    portal_url: Address = "",
    quiet: Quiet = False,
    no_color: NoColor = False,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=_tell_version,
            metavar="",
            help="Print the version, and leave.",
        ),
    ] = False,
) -> None:
    said = (as_json, portal_url, quiet, no_color)
    ctx.obj = dict(zip(COMMON, said, strict=True))


def main() -> None:
    app()
