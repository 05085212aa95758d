"""Scenario in, results out: the one way through the house."""

from __future__ import annotations

import hashlib
import platform
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.engine.run import simulate
from sim.errors import NoMeasureError
from sim.results import promises
from sim.results.afterwards import run_warnings
from sim.results.facts.source import Simulated
from sim.results.folder import Text, sha256_of
from sim.results.limits import check_limits
from sim.results.results import Results, as_saved
from sim.results.run import Run
from sim.results.shelves import MEASURES
from sim.scenario.load import to_yaml
from sim.world.build import build_world, prepare
from sim.world.own_file import MAX_INPUT
from sim.world.own_rates import history_of
from sim.world.timing import resolve_calendars

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sim.core.history import History
    from sim.scenario.model import Scenario
    from sim.world.timing import Openings
    from sim.world.world import DrawnWorld


def execute(
    scenario: Scenario,
    progress: Callable[[int, DrawnWorld], None] | None = None,
    *,
    replication: int = 0,
    measures: Iterable[str] | None = None,
    max_input: int = MAX_INPUT,
) -> Results:
    """Run a scenario, check its promises, and compute some `measures`, all by default; nothing is written.

    Each `replication`, from 0 on, has draws of its own from the scenario's seed. Tables, and further measures, are
    computed when they are asked for. `progress` is told the simulated instant now and
    then; `max_input` is as for `build_world`. `ScenarioError` if the scenario cannot be run, `PromiseError` if an
    identity does not hold, `NoMeasureError` for a measure that does not exist.
    """
    asked = checked(MEASURES if measures is None else measures)
    run, world, timings = played(scenario, progress, replication=replication, max_input=max_input)
    began = time.perf_counter()
    found = {name: run.measure(name) for name in asked}
    told = (*world.warnings, *run_warnings(run))
    timings["results"] += time.perf_counter() - began
    return Results(run, found, _manifest(run.scenario, world, told, timings))


class Played(NamedTuple):
    """A run whose promises were checked, the world that it was played in, and how long each room took."""

    run: Run
    world: DrawnWorld
    timings: dict[str, float]


def played(
    scenario: Scenario,
    progress: Callable[[int, DrawnWorld], None] | None = None,
    *,
    replication: int = 0,
    openings: Openings | None = None,
    max_input: int = MAX_INPUT,
) -> Played:
    """As `execute`, without measures, warnings and a manifest: for who plays many and asks each for little.

    `openings` are as for `build_world`.
    """
    began = time.perf_counter()
    world = build_world(scenario, replication, openings=openings, max_input=max_input)
    drawn = time.perf_counter()
    records = simulate(world, None if progress is None else lambda at: progress(at, world))
    simulated = time.perf_counter()
    run = Run(resolve_calendars(scenario, world.openings), Simulated(world, records))
    check_promises(run)
    timings = {
        "world": drawn - began,
        "engine": simulated - drawn,
        "results": time.perf_counter() - simulated,
    }
    return Played(run, world, timings)


def check_promises(run: Run) -> None:
    """Raise `PromiseError`, naming the first row at fault, unless every promise holds in the tables alone."""
    promises.check_promises({name: run[name] for name in promises.NEEDS}, run.end)
    check_limits(run.__getitem__, run.scenario)


def checked(measures: Iterable[str]) -> tuple[str, ...]:
    """The names of measures; `NoMeasureError` for one that does not exist."""
    asked = tuple(measures)
    for name in asked:
        if name not in MEASURES:
            raise NoMeasureError(name, tuple(MEASURES))
    return asked


def _manifest(
    resolved: Scenario, world: DrawnWorld, told: tuple[str, ...], timings: dict[str, float]
) -> dict[str, Any]:
    """What made the run; wall-clock time stands here and nowhere else."""
    return {
        "scenario": resolved.name,
        "seed": resolved.seed,
        "replication": world.replication,
        "scenario_sha256": _sha256(resolved),
        "versions": versions(),
        **_own_files(resolved, world.history),
        "followed_until": datetime.fromtimestamp(world.window.end, UTC).isoformat(),
        "warnings": list(told),
        "timings_seconds": {name: round(seconds, 3) for name, seconds in timings.items()},
    }


def versions() -> dict[str, str]:
    """The versions of all that tables depend on."""
    libraries = ("holidays", "numpy", "pandas", "pyarrow", "scipy", "simpy")
    return {
        "local-currency-settlement": version("local-currency-settlement"),
        "python": platform.python_version(),
        **{name: version(name) for name in libraries},
    }


def text_of(scenario: Scenario, replication: int = 0) -> Text:
    """What determines the tables that a scenario gives; `ScenarioError` if it cannot be run."""
    history = history_of(scenario.fx)
    openings, _ = prepare(scenario, replication, history=history)
    resolved = _sha256(resolve_calendars(scenario, openings))
    own = _own_files(scenario, history)
    return Text.of({"scenario_sha256": resolved, "replication": replication, **own})


def _sha256(resolved: Scenario) -> str:
    return hashlib.sha256(to_yaml(as_saved(resolved)).encode()).hexdigest()


def _own_files(scenario: Scenario, history: History) -> dict[str, dict[str, str]]:
    """The files that payments and rates of one's own came from, by absolute path, and the hash of what was in them.

    That of rates is the hash of the file that the run keeps of them.
    """
    files = {}
    if scenario.payments is not None:
        file = Path(scenario.payments.file)
        files["payments_file"] = {"path": str(file), "sha256": sha256_of(file)}
    rates = None if scenario.fx is None else scenario.fx.own_file()
    if rates is not None:
        kept = hashlib.sha256(history.quotes.as_csv().encode()).hexdigest()
        files["rates_file"] = {"path": rates, "sha256": kept}
    return files
