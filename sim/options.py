"""The options and arguments that several commands take, with one text each.

Only click is imported at the top, so that `sim --help` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable


def folder_named(_context: click.Context, _option: click.Parameter, value: str | None) -> Path | None:
    """The folder that an option names."""
    if value == "":
        # `Path` would take it for the current folder.
        raise click.BadParameter("the name of a folder is needed, not an empty text")
    return None if value is None else Path(value)


SET = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="PATH=VALUE",
    help="Change a value of the scenario; may be repeated.",
)
WITH = click.option(
    "--with",
    "changes",
    multiple=True,
    metavar="CHANGE",
    help="Make a change, a file or a name from the library (see `sim list`); may be repeated, in any order.",
)
SEED = click.option("--seed", type=click.IntRange(min=0), help="Use this seed instead of the scenario's.")
SCENARIOS = click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO...")
SCENARIO = click.argument("scenario", metavar="SCENARIO")
DAY = click.DateTime(["%Y-%m-%d"])


def _size(text: str) -> int:
    from sim.core.size import parse_size  # noqa: PLC0415 - see the module

    try:
        return parse_size(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


MAX_INPUT = click.option(
    "--max-input",
    type=_size,
    default="2GB",
    show_default=True,
    metavar="SIZE",
    help="Refuse a file of payments that needs more memory than this when read.",
)


OVER = click.option(
    "--over",
    type=click.Choice(["uncertain"]),
    help="Draw what scenarios declare under 'uncertain', anew in each replication.",
)


def study(default: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options that every study takes, with so many replications by default."""
    options = (
        click.option(
            "-n", "number", type=int, default=default, show_default=True, help="Replications at most."
        ),
        SEED,
        WITH,
        SET,
        OVER,
        click.option(
            "--jobs",
            type=click.IntRange(min=1),
            help="Processes that work on it.  [default: one for each core]",
        ),
        click.option(
            "--cluster", metavar="ADDRESS", help="Let a Dask scheduler's workers do it, at tcp://HOST:PORT."
        ),
        click.option(
            "--resume", is_flag=True, help="Go on with the study that was begun, keeping what is done."
        ),
        click.option(
            "--until",
            metavar="MEASURE:WIDTH",
            help="Stop when half the 95 % interval is at most so wide, such as delay.p95:2% or "
            "fx_result.belarus.total:1_000_000; looked at after 30, 60, 120, … replications.",
        ),
        click.option(
            "--measure",
            "measures",
            multiple=True,
            metavar="NAME,…",
            help="Compute these measures only (see docs/measures.md), or 'all'; may be repeated.  "
            "[default: the headline measures]",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON instead of tables."),
        click.option("--no-figures", is_flag=True, help="Draw no figures."),
        click.option(
            "-o",
            "--output",
            type=click.Path(),
            callback=folder_named,
            help="Folder of the study.  [default: the next free one of studies/NAME-SEED, studies/NAME-SEED-2, …]",
        ),
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
