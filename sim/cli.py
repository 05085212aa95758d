"""The command line: it reads arguments, calls the library and prints; it computes nothing.

Only click is imported at the top, so that `sim --help` answers at once.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.failing import errors_told, tell_errors, tell_warnings
from sim.options import DAY, MAX_INPUT, OVER, SCENARIO, SCENARIOS, SEED, SET, WITH, folder_named, study
from sim.stopping import Stopped, Tidied, leave, listen
from sim.terminal import give, give_json, say, secure_streams, takes_unicode, warn

if TYPE_CHECKING:
    from datetime import datetime

    from sim.calibration import Calibration
    from sim.scenario.load import Loaded
    from sim.scenario.model import Scenario
    from sim.studying import Asked
    from sim.verify.verdicts import Outcome

#: Of longer lists of paths the rest is counted.
_MOST_PATHS = 12


class _Estimated(click.Choice[str]):
    """The models of exchange rates that have something to estimate, looked up when somebody asks for one."""

    def __init__(self) -> None:
        self.case_sensitive = True

    @property
    def choices(self) -> tuple[str, ...]:  # type: ignore[override]
        """Their names."""
        from sim.calibration import MODELS  # noqa: PLC0415 - see the module

        return tuple(MODELS)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="local-currency-settlement", prog_name="sim")
def cli() -> None:
    """Simulate the settlement of trade in local currencies: FX exposure and clearing delays.

    SCENARIO is a YAML file, a name from the library (see `sim list`), or - for standard input.
    """


@cli.command()
@SCENARIOS
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    callback=folder_named,
    help="Run folder; for several scenarios the folder of their run folders.  "
    "[default: the next free one of runs/NAME-SEED, runs/NAME-SEED-2, …]",
)
@click.option(
    "--force", is_flag=True, help="Replace a run of another text at -o; nothing else is ever replaced."
)
@SEED
@click.option(
    "--replication",
    type=click.IntRange(min=0, max=2**63 - 1),
    default=0,
    help="Which of the runs that share the scenario's seed; 0 is a plain run.",
)
@OVER
@WITH
@SET
@click.option("--json", "as_json", is_flag=True, help="Print the measures as JSON instead of a summary.")
@click.option("--no-figures", is_flag=True, help="Draw no figures.")
@click.option(
    "--tables",
    metavar="NAME,…",
    help="Derived tables to save; the facts always are, and the others can be computed from them.  [default: all]",
)
@MAX_INPUT
@tell_errors
def run(
    scenarios: tuple[str, ...],
    output: Path | None,
    force: bool,  # noqa: FBT001 - a flag of click
    seed: int | None,
    replication: int,
    over: str | None,
    changes: tuple[str, ...],
    overrides: tuple[str, ...],
    as_json: bool,  # noqa: FBT001 - a flag of click
    no_figures: bool,  # noqa: FBT001 - a flag of click
    tables: str | None,
    max_input: int,
) -> None:
    """Run scenarios, save their results and show them."""
    from sim.results.results import saved_tables  # noqa: PLC0415 - see the module
    from sim.running import Saving, run_all, tell  # noqa: PLC0415
    from sim.scenario.load import load_all  # noqa: PLC0415

    if force and output is None:
        raise click.UsageError("--force is for -o; without it a run takes a free name")
    chosen = saved_tables(
        None if tables is None else [name.strip() for name in tables.split(",") if name.strip()]
    )
    loaded = load_all(scenarios, _with_seed(overrides, seed), changes)
    how = Saving(output, chosen, not no_figures, force, replication, over is not None, max_input)
    found, side_by_side = run_all(loaded, how)
    tell(found, side_by_side, as_json=as_json)


@cli.command()
@SCENARIOS
@WITH
@SET
@MAX_INPUT
@tell_errors
def validate(
    scenarios: tuple[str, ...], changes: tuple[str, ...], overrides: tuple[str, ...], max_input: int
) -> None:
    """Check scenarios, and the payments they draw or bring, and tell every problem with file, line and column.

    Of a valid one it is said how it differs from what it extends: by which changes, by which keys of its own, and which
    of these win over changes.
    """
    from sim.errors import Problem, ScenarioError  # noqa: PLC0415 - see the module
    from sim.scenario.load import load_located  # noqa: PLC0415
    from sim.scenario.varied import check_assumptions  # noqa: PLC0415
    from sim.world.build import build_world, prepare  # noqa: PLC0415

    problems: list[Problem] = []
    for scenario in scenarios:
        try:
            loaded = load_located(scenario, overrides, changes)
            build = partial(build_world, max_input=max_input)
            with loaded.placing(build):
                world = build(loaded.scenario)
        except ScenarioError as error:
            problems += error.problems
            continue
        try:
            check_assumptions(loaded.scenario, prepare, loaded.problem)
        except ScenarioError as error:
            # What a variant inherits need not fit it: its runs take the values that are stated.
            inherited = [one for one in error.problems if loaded.inherits(tuple(one.path.split(".")))]
            if len(inherited) < len(error.problems):
                problems += error.problems
                continue
            tell_warnings(
                f"{one}; a study over what is uncertain refuses this, until the assumption is altered or removed"
                for one in inherited
            )
        tell_warnings(world.warnings)
        say(f"{loaded.scenario.name}: valid")
        _tell_variation(loaded)
    if problems:
        raise ScenarioError(list(dict.fromkeys(problems)))


@cli.command()
@SCENARIO
@study(200)
@tell_errors
def ensemble(
    scenario: str, seed: int | None, changes: tuple[str, ...], overrides: tuple[str, ...], **options: object
) -> None:
    """Make many replications of a scenario, and tell what to expect and how far apart they lie.

    Means come with 95 % intervals, series of time with bands, cash flows with what is at risk. Exit code 1 if a
    replication failed; the others are saved.
    """
    from sim.studying import run_ensemble  # noqa: PLC0415 - see the module

    sys.exit(run_ensemble(scenario, _with_seed(overrides, seed), changes, _asked(options)))


@cli.command()
@SCENARIOS
@click.option("--decompose", is_flag=True, help="Take the second scenario apart, change by change (Shapley).")
@study(30)
@tell_errors
def compare(
    scenarios: tuple[str, ...],
    decompose: bool,  # noqa: FBT001 - a flag of click
    seed: int | None,
    changes: tuple[str, ...],
    overrides: tuple[str, ...],
    **options: object,
) -> None:
    """Set scenarios against the first one, over the same draws: which is better on what, and how surely.

    Differences come with 95 % intervals over replications. Exit code 1 if a replication failed; the others are saved.
    """
    from sim.studying import run_compare  # noqa: PLC0415 - see the module

    asked, all_overrides = _asked(options), _with_seed(overrides, seed)
    sys.exit(run_compare(scenarios, all_overrides, changes, asked, decompose=decompose))


@cli.command()
@SCENARIO
@SEED
@WITH
@SET
@tell_errors
def show(scenario: str, seed: int | None, changes: tuple[str, ...], overrides: tuple[str, ...]) -> None:
    """Print a scenario resolved and complete; running the output gives the same tables."""
    from sim.scenario.load import load_located, to_yaml  # noqa: PLC0415 - see the module
    from sim.world.build import prepare  # noqa: PLC0415
    from sim.world.timing import resolve_calendars  # noqa: PLC0415

    loaded = load_located(scenario, _with_seed(overrides, seed), changes)
    with loaded.placing(prepare):
        openings, _ = prepare(loaded.scenario)
    give(to_yaml(resolve_calendars(loaded.scenario, openings), ascii_only=not takes_unicode()))


@cli.command("list")
@tell_errors
def list_() -> None:
    """List the scenarios of the library, with the question that each answers, its changes and the published cases."""
    from sim.scenario.library import (  # noqa: PLC0415 - see the module
        case_says,
        cases,
        changes,
        names,
        question,
        says,
    )
    from sim.show.console import output, print_library  # noqa: PLC0415

    print_library([(name, question(name)) for name in names()], output())
    say()
    say("Changes, for --with and for `changes` in a scenario:")
    print_library([(name, says(name)) for name in changes()], output())
    say()
    say("Published cases, for `sim verify`:")
    print_library([(name, case_says(name)) for name in cases()], output())


@cli.command()
@tell_errors
def schema() -> None:
    """Print the JSON Schema of scenarios, for editors."""
    from sim.scenario.schema import written_schema  # noqa: PLC0415 - see the module

    give_json(written_schema())


@cli.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--from", "parent", default="baseline", metavar="NAME", help="What it extends.  [default: baseline]"
)
@tell_errors
def new(file: Path, parent: str) -> None:
    """Write the first lines of a scenario of your own into FILE, and beside it what completes them in an editor."""
    from sim.scenario.start import SCHEMA, start  # noqa: PLC0415 - see the module

    if start(file, parent) is None:
        tell_warnings([f"{file.with_name(SCHEMA)} is another one; it stays, and `sim schema` prints ours"])
    say(f"{file}: extends {parent}; `sim validate {file}` checks it")


@cli.command()
@click.argument("folders", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for the figure of several runs.  [default: runs/mechanisms.png]",
)
@tell_errors
def plot(folders: tuple[Path, ...], output: Path | None) -> None:
    """Draw the figures of a saved run again, into its own folder; of several, one that sets them side by side."""
    from sim.results.results import open_run  # noqa: PLC0415 - see the module
    from sim.running import MECHANISMS, RUNS, of_several_models  # noqa: PLC0415
    from sim.show.mechanisms import save_mechanisms  # noqa: PLC0415
    from sim.show.save import save_figures  # noqa: PLC0415

    if len(folders) > 1:
        target = output or RUNS / MECHANISMS
        runs = [open_run(folder) for folder in folders]
        tell_warnings(of_several_models(runs))
        say(save_mechanisms(runs, target))
        return
    if output is not None:
        raise click.UsageError("-o is for several runs; the figures of one go into its own folder")
    with Tidied():
        for path in open_run(folders[0]).save_figures(save_figures):
            say(path)


@cli.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("payment", required=False, metavar="[PAYMENT]")
@click.option(
    "--slowest", type=click.IntRange(min=1), metavar="N", help="List the N slowest payments instead."
)
@tell_errors
def trace(folder: Path, payment: str | None, slowest: int | None) -> None:
    """Tell the life of one payment of a saved run: where it was, why, and what let it go on, in both local times.

    PAYMENT is its `payment_id`, or the `obligation_id` that it pays.
    """
    from sim.results.life import life  # noqa: PLC0415 - see the module
    from sim.results.life import slowest as longest  # noqa: PLC0415
    from sim.results.results import open_run  # noqa: PLC0415
    from sim.show.console import output  # noqa: PLC0415
    from sim.show.trace import print_life, print_slowest  # noqa: PLC0415

    if (payment is None) == (slowest is None):
        raise click.UsageError("name a PAYMENT, or ask for the --slowest ones")
    results = open_run(folder)
    if payment is not None:
        print_life(results, life(results.run, payment), output())
    elif slowest is not None:
        print_slowest(results, longest(results.run, slowest), output())


@cli.command()
@click.argument("model", type=_Estimated(), required=False, metavar="[MODEL]")
@click.option("--from", "first", type=DAY, metavar="DATE", help="First day of history.  [default: all of it]")
@click.option("--to", "last", type=DAY, metavar="DATE", help="Last day of history.  [default: all of it]")
@click.option(
    "--data",
    metavar="FILE",
    help="CSV file of rates of your own to estimate from, as under `file` of `history`.  [default: those that ship]",
)
@click.option("--json", "as_json", is_flag=True, help="Print estimates and declaration as JSON.")
@click.option("--yaml", "as_yaml", is_flag=True, help="Print the section 'fx' of a scenario; needs a MODEL.")
@tell_errors
def calibrate(
    model: str | None,
    first: datetime | None,
    last: datetime | None,
    data: str | None,
    as_json: bool,  # noqa: FBT001 - a flag of click
    as_yaml: bool,  # noqa: FBT001 - a flag of click
) -> None:
    """Estimate models of exchange rates from observed rates, with standard errors.

    MODEL is the kind of a model that has something to estimate, such as lognormal; by default all of them.
    """
    if as_json and as_yaml:
        raise click.UsageError("choose either --json or --yaml")
    if as_yaml and model is None:
        raise click.UsageError("--yaml prints one declaration; name a MODEL")
    found = _calibrated(model, first, last, data)
    if as_json:
        _print_calibrations_json(found, alone=model is not None)
    elif as_yaml:
        from sim.scenario.writing import dump  # noqa: PLC0415 - see the module

        give(dump({"fx": found[0].fx}, ascii_only=not takes_unicode()))
    else:
        from sim.show.calibration import print_calibration  # noqa: PLC0415 - see the module
        from sim.show.console import output  # noqa: PLC0415

        for number, one in enumerate(found):
            if number:
                say()
            print_calibration(one, output())


def _calibrated(
    model: str | None, first: datetime | None, last: datetime | None, data: str | None
) -> list[Calibration]:
    """The calibration of a model, or of every model for which the window holds enough."""
    from sim.calibration import MODELS  # noqa: PLC0415
    from sim.calibration import calibrate as estimate  # noqa: PLC0415
    from sim.errors import CalibrationError  # noqa: PLC0415 - see the module

    window = (first.date() if first else None, last.date() if last else None)
    if model is not None:
        return [estimate(model, *window, data=data)]
    found, failed = [], []
    for name in MODELS:
        try:
            found.append(estimate(name, *window, data=data))
        except CalibrationError as error:
            failed.append(error)
    if not found:
        raise failed[0]
    tell_warnings([str(error) for error in failed])
    return found


@cli.command()
@click.argument("files", nargs=-1, metavar="[CASE]...")
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON instead of a table.")
@tell_errors
def verify(files: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 - a flag of click
    """Run published cases, and hold what comes out against what was published.

    CASE is a YAML file, or the name of a case that comes along; by default all of these are run. Exit code 1 if one
    disagrees that does not say that it differs, 2 if one cannot be read; then none is run.
    """
    from sim.show.console import output  # noqa: PLC0415 - see the module
    from sim.show.progress import study_progress  # noqa: PLC0415
    from sim.show.verdicts import print_verdicts, verdicts_as_json  # noqa: PLC0415
    from sim.verify.cases import cases  # noqa: PLC0415
    from sim.verify.verdicts import verify as verified  # noqa: PLC0415

    outcomes: list[Outcome] = []
    with cases(files) as read, study_progress("cases") as tell:
        for one in read:
            tell(len(outcomes), len(read))
            outcomes.append(verified(one))
    for outcome in outcomes:
        tell_warnings(
            f"{outcome.name}: {what} agrees, though the case says that it differs" for what in outcome.stale
        )
    if as_json:
        give_json(verdicts_as_json(outcomes))
    else:
        print_verdicts(outcomes, output())
    if any(outcome.fails for outcome in outcomes):
        sys.exit(1)


def _asked(options: dict[str, Any]) -> Asked:
    from sim.studying import Asked  # noqa: PLC0415 - see the module

    folder, figures = options.pop("output"), not options.pop("no_figures")
    return Asked(folder=folder, figures=figures, **options)


def _with_seed(overrides: tuple[str, ...], seed: int | None) -> tuple[str, ...]:
    return overrides if seed is None else (*overrides, f"seed={seed}")


def _tell_variation(loaded: Loaded[Scenario]) -> None:
    """Say how a scenario differs from what it extends, in a line for each kind of difference and each change."""
    from sim.scenario.tree import dotted  # noqa: PLC0415 - see the module

    name, variation = loaded.scenario.name, loaded.variation
    inherited = 0 if variation is None else variation.inherited
    if variation is not None:
        names = [change.name for change in loaded.changes[:inherited]]
        before = f", which has the changes {', '.join(names)}" if names else ""
        say(f"{name}: extends {variation.extends}{before}")
    for change in loaded.changes[inherited:]:
        say(f"{name}: has the change {change.name}: {change.says}")
    if variation is not None:
        paths = [dotted(path) for path in variation.paths]
        more = f" and {len(paths) - _MOST_PATHS} more" if len(paths) > _MOST_PATHS else ""
        if paths:
            say(f"{name}: differs by its own keys in {', '.join(paths[:_MOST_PATHS])}{more}")
        elif len(loaded.changes) == inherited:
            say(f"{name}: differs in nothing")
    for name_of, path in loaded.without_effect:
        say(f"{name}: the assumption {name_of!r} is without effect at {path}: stated above it")
    for key in loaded.overruled:
        more = f" (and {len(key.paths) - 1} more)" if len(key.paths) > 1 else ""
        say(f"{key.mark}: {key.paths[0]}{more} wins over the change {key.change!r}")


def _print_calibrations_json(found: list[Calibration], *, alone: bool) -> None:
    content: list[dict[str, Any]] = [
        {
            "model": one.model,
            "window": {"first": str(one.window.first), "last": str(one.window.last)},
            "observations": one.observations,
            "estimates": [estimate._asdict() for estimate in one.estimates],
            "notes": one.notes,
            "fx": one.fx,
        }
        for one in found
    ]
    give_json(content[0] if alone else content)


def main() -> None:
    """The whole life of the process after its start: leaves with an exit code of design and no traceback."""
    listen()
    secure_streams()
    # No window is opened, so a setting that chooses how it would look is of no concern here.
    os.environ["MPLBACKEND"] = "agg"
    try:
        with errors_told():
            cli.main(prog_name="sim", standalone_mode=False)
    except Stopped as stopped:
        leave(*stopped.args)
    except click.ClickException as error:
        message = StringIO()
        error.show(message)
        warn(message.getvalue().rstrip("\n"))
        sys.exit(error.exit_code)
