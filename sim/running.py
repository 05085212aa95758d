"""Scenarios are run one after the other, each into a folder of its own, and told together."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from sim.errors import SettlementError
from sim.failing import tell_warnings
from sim.results.execute import execute, text_of
from sim.results.saving import check_above, check_target
from sim.show.console import output
from sim.show.mechanisms import save_mechanisms
from sim.show.progress import progress_bar
from sim.show.save import save_figures
from sim.show.summary import print_summary
from sim.stopping import Tidied
from sim.terminal import give_json, say
from sim.world.assumed import assumed
from sim.world.build import build_world

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.results.results import Results
    from sim.scenario.load import Loaded
    from sim.scenario.model import Scenario

#: Where runs go if nobody says where, and what several side by side are saved as.
RUNS: Final = Path("runs")
MECHANISMS: Final = "mechanisms.png"


class Saving(NamedTuple):
    """How runs are made, what of them is saved, and whether in the place of others.

    `folder` is where; None takes a free name.
    """

    folder: Path | None
    tables: tuple[str, ...]
    figures: bool
    force: bool
    replication: int
    over: bool
    """Whether what is assumed is drawn, as in that replication of a study."""
    max_input: int


def run_all(loaded: Sequence[Loaded[Scenario]], how: Saving) -> tuple[list[Results], Path | None]:
    """Run scenarios and save them; of several, the picture that sets them side by side as well.

    Whatever can be refused is refused before the first one is run; two that would share a folder are wrong usage.
    """
    if how.over:
        loaded = [_drawn(one, how.replication) for one in loaded]
    targets = [_target(one.scenario, how, alone=len(loaded) == 1) for one in loaded]
    if len({*targets}) < len(targets):
        raise click.UsageError("two of these scenarios have the same name and seed, so the same run folder")
    for one, target in zip(loaded, targets, strict=True):
        _check_target(one, target, how)
    found = [_run_one(one, target, how) for one, target in zip(loaded, targets, strict=True)]
    together = how.figures and len(found) > 1
    return found, _side_by_side(found, targets[0].parent) if together else None


def _drawn(loaded: Loaded[Scenario], replication: int) -> Loaded[Scenario]:
    """The same with its assumptions as a study draws them."""
    if not loaded.scenario.uncertain:
        raise click.UsageError(
            f"nothing is declared under 'uncertain' that could be drawn: {loaded.scenario.name}"
        )
    with loaded.placing():
        return replace(loaded, scenario=assumed(loaded.scenario, replication).scenario)


def tell(found: list[Results], side_by_side: Path | None, *, as_json: bool) -> None:
    """Print the measures of runs as JSON, or the summary of each."""
    if as_json:
        _print_json(found)
        return
    for results in found:
        print_summary(results, output())
    if side_by_side is not None:
        say()
        say(f"Side by side in {side_by_side}")


def _target(scenario: Scenario, how: Saving, *, alone: bool) -> Path:
    name = f"{scenario.name}-{scenario.seed}" + (f"-r{how.replication}" if how.replication else "")
    if how.folder is None:
        return RUNS / name
    return how.folder if alone else how.folder / name


def _check_target(loaded: Loaded[Scenario], target: Path, how: Saving) -> None:
    if how.folder is None:
        check_above(target)
        return
    with loaded.placing():
        check_target(target, lambda: text_of(loaded.scenario, how.replication), force=how.force)


def _run_one(loaded: Loaded[Scenario], target: Path, how: Saving) -> Results:
    def draw(drawn: Results, folder: Path) -> None:
        save_figures(drawn, folder / "figures")

    with Tidied():
        build = partial(build_world, replication=how.replication, max_input=how.max_input)
        with loaded.placing(build), progress_bar(loaded.scenario.name) as told:
            results = execute(loaded.scenario, told, replication=how.replication, max_input=how.max_input)
        tell_warnings(results.manifest["warnings"])
        drawing, free = draw if how.figures else None, how.folder is None
        return results.save(target, drawing, tables=how.tables, force=how.force, free=free)


def _side_by_side(found: list[Results], folder: Path) -> Path | None:
    """Set runs side by side, in the folder of their run folders; a warning if that cannot be."""
    try:
        return save_mechanisms(found, folder / MECHANISMS)
    except SettlementError as error:
        tell_warnings([str(error)])
        return None


def of_several_models(runs: Sequence[Results]) -> Iterator[str]:
    """A sentence if runs were made by different versions of the model, whose results are not of one kind."""
    made = {run.manifest["versions"].get("local-currency-settlement", "an unknown one") for run in runs}
    if len(made) > 1:
        yield (
            f"these runs were made by different versions of the model ({', '.join(sorted(made))}): "
            "what moved between them stands in docs/headlines.md"
        )


def _print_json(found: list[Results]) -> None:
    content: list[dict[str, Any]] = [
        {
            "scenario": results.scenario.name,
            "seed": results.scenario.seed,
            "replication": results.manifest["replication"],
            "folder": str(results.folder),
            "measures": {name: measure._asdict() for name, measure in results.measures.items()},
        }
        for results in found
    ]
    give_json(content[0] if len(content) == 1 else content)
