"""Turns a function into a command: the options that all commands have, and how they fail.

The options stand on each command, so that ``list --json`` is typed as it comes to mind, and before
the command as well.
"""

import inspect
import os
import sys
from collections.abc import Callable, Iterable
from typing import Annotated, Any, NoReturn, get_args

import typer

from bastion_access.desk import URL, Desk
from bastion_access.errors import CliError, Exit
from bastion_access.output import Output

PANEL = "Everywhere"
Json = Annotated[
    bool, typer.Option("--json", help="Print JSON, and nothing else.", rich_help_panel=PANEL)
]
Address = Annotated[
    str,
    typer.Option(
        "--portal",
        metavar="URL",
        help=f"Another portal than {URL} or the last one.",
        rich_help_panel=PANEL,
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No words beside the result.", rich_help_panel=PANEL)
]
NoColor = Annotated[
    bool, typer.Option("--no-color", help="No colours, as with NO_COLOR.", rich_help_panel=PANEL)
]
COMMON: dict[str, tuple[Any, Any]] = {
    "as_json": (Json, False),
    "portal_url": (Address, ""),
    "quiet": (Quiet, False),
    "no_color": (NoColor, False),
}
Function = Callable[..., None]


def command(app: typer.Typer, name: str) -> Callable[[Function], Function]:
    """The function's first argument is a ``Desk``; the others are the command's own."""

    def add(function: Function) -> Function:
        app.command(name)(_with_common(function))
        return function

    return add


def desk_of(ctx: typer.Context, said: dict[str, Any]) -> Desk:
    """What was said on the command counts, else what was said before it."""
    before: dict[str, Any] = ctx.obj or {}
    meant = {option: value or before.get(option) for option, value in said.items()}
    output = Output(bool(meant["as_json"]), bool(meant["quiet"]), bool(meant["no_color"]))
    return Desk(meant["portal_url"] or "", output)


def _with_common(function: Function) -> Function:
    own = inspect.signature(function, eval_str=True)

    def run(ctx: typer.Context, **values: Any) -> None:
        desk = desk_of(ctx, {option: values.pop(option) for option in COMMON})
        _run(desk, lambda: function(desk, **values))

    kept = list(own.parameters.values())[1:]
    context = inspect.Parameter(
        "ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
    )
    added = [
        inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for option, (kind, default) in COMMON.items()
    ]
    _flags_take_nothing([*kept, *added])
    run.__signature__ = own.replace(  # type: ignore[attr-defined] # what typer reads
        parameters=[context, *kept, *added]
    )
    run.__annotations__ = {each.name: each.annotation for each in [context, *kept, *added]}
    run.__doc__ = function.__doc__
    return run


def _flags_take_nothing(parameters: Iterable[inspect.Parameter]) -> None:
    """Else help shows the type of a flag, as if a value had to follow it."""
    for each in parameters:
        kind, *about = get_args(each.annotation) or (None,)
        for option in about if kind is bool else ():
            option.metavar = ""


def _run(desk: Desk, work: Callable[[], None]) -> None:
    """Every command ends here when it cannot go on."""
    try:
        work()
    except CliError as error:
        desk.output.fail(error)
        leave(error.exit)
    except KeyboardInterrupt:
        desk.output.say("\nStopped.")
        leave(Exit.INTERRUPTED)
    except BrokenPipeError:  # whoever read the output has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        leave(Exit.REFUSED)


def leave(status: int) -> NoReturn:
    raise typer.Exit(status)
