"""The command line: it reads arguments, calls the library and prints; it computes nothing.

Only click is imported at the top, so that `sim --help` answers at once.
"""

from __future__ import annotations

import sys
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from sim.results.results import Results
    from sim.scenario.load import Loaded
    from sim.scenario.model import Scenario
    from sim.world.calibration import Calibration

P = ParamSpec("P")
R = TypeVar("R")

#: What several runs side by side are saved as.
_MECHANISMS = "mechanisms.png"

_SET = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="PATH=VALUE",
    help="Change a value of the scenario; may be repeated.",
)
_SEED = click.option("--seed", type=click.IntRange(min=0), help="Use this seed instead of the scenario's.")
_SCENARIOS = click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO…")
_SCENARIO = click.argument("scenario", metavar="SCENARIO")
_DAY = click.DateTime(["%Y-%m-%d"])
#: The models of exchange rates that have something to estimate.
_MODELS = ("lognormal", "bootstrap", "mean_reverting", "jump", "regime", "basket")


def _tell_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Print the package's own errors, one line per problem, and leave with their exit code."""

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        from sim.errors import SettlementError  # noqa: PLC0415 - see the module

        try:
            return command(*args, **kwargs)
        except SettlementError as error:
            click.echo(str(error), err=True)
            sys.exit(error.exit_code)

    return guarded


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="local-currency-settlement", prog_name="sim")
def cli() -> None:
    """Simulate the settlement of trade in local currencies: FX exposure and clearing delays.

    SCENARIO is a YAML file, a name from the library (see `sim list`), or - for standard input.
    """


@cli.command()
@_SCENARIOS
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Run folder; for several scenarios the folder of their run folders.  [default: runs/NAME-SEED]",
)
@_SEED
@_SET
@click.option("--json", "as_json", is_flag=True, help="Print the measures as JSON instead of a summary.")
@click.option("--no-figures", is_flag=True, help="Draw no figures.")
@_tell_errors
def run(
    scenarios: tuple[str, ...],
    output: Path | None,
    seed: int | None,
    overrides: tuple[str, ...],
    as_json: bool,  # noqa: FBT001 - a flag of click
    no_figures: bool,  # noqa: FBT001 - a flag of click
) -> None:
    """Run scenarios, save their results and show them."""
    from sim.scenario.load import load_all  # noqa: PLC0415 - see the module

    loaded = load_all(scenarios, _with_seed(overrides, seed))
    targets = [_target(output, one.scenario, alone=len(loaded) == 1) for one in loaded]
    if len({*targets}) < len(targets):
        raise click.UsageError("two of these scenarios have the same name and seed, so the same run folder")
    found = [
        _run_one(one, target, figures=not no_figures) for one, target in zip(loaded, targets, strict=True)
    ]
    side_by_side = None if no_figures or len(found) == 1 else _side_by_side(found, targets)
    if as_json:
        _print_json(found)
    else:
        for results in found:
            _print_summary(results)
        if side_by_side is not None:
            click.echo(f"\nSide by side in {side_by_side}")


@cli.command()
@_SCENARIOS
@_SET
@_tell_errors
def validate(scenarios: tuple[str, ...], overrides: tuple[str, ...]) -> None:
    """Check scenarios, and the payments they draw or bring, and tell every problem with file, line and column."""
    from sim.scenario.load import load_all  # noqa: PLC0415 - see the module
    from sim.world.build import build_world  # noqa: PLC0415

    for loaded in load_all(scenarios, overrides):
        with loaded.placing():
            world = build_world(loaded.scenario)
        _warn(world.warnings)
        click.echo(f"{loaded.scenario.name}: valid")


@cli.command()
@_SCENARIO
@_SEED
@_SET
@_tell_errors
def show(scenario: str, seed: int | None, overrides: tuple[str, ...]) -> None:
    """Print a scenario resolved and complete; running the output gives the same tables."""
    from sim.scenario.load import load_located, to_yaml  # noqa: PLC0415 - see the module
    from sim.world.build import prepare  # noqa: PLC0415
    from sim.world.timing import resolve_calendars  # noqa: PLC0415

    loaded = load_located(scenario, _with_seed(overrides, seed))
    with loaded.placing():
        openings, _ = prepare(loaded.scenario)
    click.echo(to_yaml(resolve_calendars(loaded.scenario, openings)), nl=False)


@cli.command("list")
@_tell_errors
def list_() -> None:
    """List the scenarios of the library, with the question that each answers."""
    from sim.scenario.library import names  # noqa: PLC0415 - see the module
    from sim.scenario.load import load  # noqa: PLC0415
    from sim.show.console import output  # noqa: PLC0415
    from sim.show.summary import print_library  # noqa: PLC0415

    print_library([(name, load(name).question) for name in names()], output())


@cli.command()
@_tell_errors
def schema() -> None:
    """Print the JSON Schema of scenarios, for editors."""
    import json  # noqa: PLC0415 - see the module

    from sim.scenario.model import Scenario  # noqa: PLC0415

    click.echo(json.dumps(Scenario.model_json_schema(), indent=2, ensure_ascii=False))


@cli.command()
@click.argument("folders", nargs=-1, required=True, metavar="RUN…", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"File for the figure of several runs.  [default: runs/{_MECHANISMS}]",
)
@_tell_errors
def plot(folders: tuple[Path, ...], output: Path | None) -> None:
    """Draw the figures of a saved run again, into its own folder; of several, one that sets them side by side."""
    from sim.results.results import open_run  # noqa: PLC0415 - see the module
    from sim.show.mechanisms import save_mechanisms  # noqa: PLC0415
    from sim.show.save import save_figures  # noqa: PLC0415

    if len(folders) > 1:
        target = output or Path("runs") / _MECHANISMS
        click.echo(save_mechanisms([open_run(folder) for folder in folders], target))
        return
    if output is not None:
        raise click.UsageError("-o is for several runs; the figures of one go into its own folder")
    for path in save_figures(open_run(folders[0]), folders[0] / "figures"):
        click.echo(path)


@cli.command()
@click.argument("model", type=click.Choice(_MODELS), required=False, metavar="[MODEL]")
@click.option(
    "--from", "first", type=_DAY, metavar="DATE", help="First day of history.  [default: all of it]"
)
@click.option("--to", "last", type=_DAY, metavar="DATE", help="Last day of history.  [default: all of it]")
@click.option("--json", "as_json", is_flag=True, help="Print estimates and declaration as JSON.")
@click.option("--yaml", "as_yaml", is_flag=True, help="Print the section 'fx' of a scenario; needs a MODEL.")
@_tell_errors
def calibrate(
    model: str | None,
    first: datetime | None,
    last: datetime | None,
    as_json: bool,  # noqa: FBT001 - a flag of click
    as_yaml: bool,  # noqa: FBT001 - a flag of click
) -> None:
    """Estimate models of exchange rates from the shipped history, with standard errors.

    MODEL is lognormal, bootstrap, mean_reverting, jump, regime or basket; by default all of them.
    """
    if as_json and as_yaml:
        raise click.UsageError("choose either --json or --yaml")
    if as_yaml and model is None:
        raise click.UsageError("--yaml prints one declaration; name a MODEL")
    found = _calibrated(model, first, last)
    if as_json:
        _print_calibrations_json(found, alone=model is not None)
    elif as_yaml:
        from sim.scenario.writing import dump  # noqa: PLC0415 - see the module

        click.echo(dump({"fx": found[0].fx}), nl=False)
    else:
        from sim.show.calibration import print_calibration  # noqa: PLC0415 - see the module
        from sim.show.console import output  # noqa: PLC0415

        for number, one in enumerate(found):
            if number:
                click.echo()
            print_calibration(one, output())


def _calibrated(model: str | None, first: datetime | None, last: datetime | None) -> list[Calibration]:
    """The calibration of a model, or of every model for which the window holds enough."""
    from sim.errors import CalibrationError  # noqa: PLC0415 - see the module
    from sim.world.calibration import calibrate as estimate  # noqa: PLC0415

    window = (first.date() if first else None, last.date() if last else None)
    if model is not None:
        return [estimate(model, *window)]
    found, failed = [], []
    for name in _MODELS:
        try:
            found.append(estimate(name, *window))
        except CalibrationError as error:
            failed.append(error)
    if not found:
        raise failed[0]
    _warn([str(error) for error in failed])
    return found


def _with_seed(overrides: tuple[str, ...], seed: int | None) -> tuple[str, ...]:
    return overrides if seed is None else (*overrides, f"seed={seed}")


def _target(output: Path | None, scenario: Scenario, *, alone: bool) -> Path:
    name = f"{scenario.name}-{scenario.seed}"
    if output is None:
        return Path("runs") / name
    return output if alone else output / name


def _run_one(loaded: Loaded[Scenario], target: Path, *, figures: bool) -> Results:
    from sim.results.execute import execute  # noqa: PLC0415 - see the module
    from sim.results.store import check_target  # noqa: PLC0415
    from sim.show.progress import progress_bar  # noqa: PLC0415
    from sim.show.save import save_figures  # noqa: PLC0415

    check_target(target)
    with loaded.placing(), progress_bar(loaded.scenario.name) as told:
        results = execute(loaded.scenario, told)
    _warn(results.manifest["warnings"])

    def draw(drawn: Results, folder: Path) -> None:
        save_figures(drawn, folder / "figures")

    return results.save(target, draw if figures else None)


def _side_by_side(found: list[Results], targets: list[Path]) -> Path | None:
    """Set runs side by side, in the folder of their run folders; a warning if that cannot be."""
    from sim.errors import SettlementError  # noqa: PLC0415 - see the module
    from sim.show.mechanisms import save_mechanisms  # noqa: PLC0415

    try:
        return save_mechanisms(found, targets[0].parent / _MECHANISMS)
    except SettlementError as error:
        _warn([str(error)])
        return None


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)


def _print_json(found: list[Results]) -> None:
    import json  # noqa: PLC0415 - see the module

    content: list[dict[str, Any]] = [
        {
            "scenario": results.scenario.name,
            "seed": results.scenario.seed,
            "folder": str(results.folder),
            "measures": {name: measure._asdict() for name, measure in results.measures.items()},
        }
        for results in found
    ]
    click.echo(json.dumps(content[0] if len(content) == 1 else content, indent=2, ensure_ascii=False))


def _print_calibrations_json(found: list[Calibration], *, alone: bool) -> None:
    import json  # noqa: PLC0415 - see the module

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
    # The numbers of a declaration are decimals, which JSON writes as any other.
    click.echo(json.dumps(content[0] if alone else content, indent=2, ensure_ascii=False, default=float))


def _print_summary(results: Results) -> None:
    from sim.show.console import output  # noqa: PLC0415 - see the module
    from sim.show.summary import print_summary  # noqa: PLC0415

    print_summary(results, output())


def main() -> None:
    """Entry point of the `sim` command."""
    try:
        cli.main(prog_name="sim", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
