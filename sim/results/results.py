"""A run as an analyst holds it: its tables, its measures, its figures and its scenario; and its folder."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from sim.errors import (
    NoMeasureError,
    NoTableError,
    ResultsError,
    ResultsWarning,
    ScenarioError,
    SettlementError,
)
from sim.results.folder import (
    FIGURES_FOLDER,
    MANIFEST,
    MEASURES_FILE,
    RATES_FILE,
    SCENARIO,
    Text,
    files_below,
    inside,
    is_figure,
    is_intact,
    read_json,
    read_manifest,
    redrawn,
    sealed,
    sha256_of,
    write_json,
)
from sim.results.html import results_html
from sim.results.plots import FIGURES, PlotsOf
from sim.results.registry import Measure, by_last, leaves, unit_at
from sim.results.run import Run
from sim.results.saving import free_folder, new_folder, real_place, tidy
from sim.results.shelves import MEASURES, TABLES
from sim.results.store import read_table, write_table
from sim.scenario.load import load_saved, to_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sim.scenario.model import Scenario

#: Before pandas 3, what is written into a copy that is not deep is written into the original.
_COPIES: Final = int(pd.__version__.partition(".")[0]) < 3  # noqa: PLR2004


class Measures(Mapping[str, Measure]):
    """Measures by name: those that were asked for, and any other as soon as it is looked up."""

    def __init__(self, results: Results, found: dict[str, Measure]) -> None:
        self._results, self._found = results, found

    def __getitem__(self, name: str) -> Measure:
        """A measure with its unit; `NoMeasureError` if there is none of that name."""
        if name not in self._found:
            if name not in MEASURES:
                raise NoMeasureError(name, tuple(MEASURES))
            with believing(self._results):
                self._found[name] = self._results.run.measure(name)
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        """The names of those there are, in the order in which they are declared."""
        return (name for name in MEASURES if name in self._found)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._found)

    def __contains__(self, name: object) -> bool:
        """Whether a measure is there already."""
        return name in self._found

    def to_frame(self) -> pd.DataFrame:
        """A row per number: `measure`, `of` (the names that lead to it, joined by dots), `value`, `unit`, `better`.

        `better` says which way is better: lower, higher or neither. What cannot be computed is not a number.
        """
        rows = [
            (
                name,
                ".".join(path),
                np.nan if value is None else float(value),
                unit_at(unit, path),
                by_last(MEASURES[name].better, path),
            )
            for name in self
            for told, unit in [self[name]]
            for path, value in leaves(told)
        ]
        return pd.DataFrame(rows, columns=["measure", "of", "value", "unit", "better"])


@dataclass(frozen=True, eq=False)
class Results:
    """Tables, measures and scenario of one run.

    Tables are computed, or read, when first asked for: `results.payments`, `results["fx"]`. Instants are UTC, amounts
    and balances minor units of the row's currency; docs/tables.md has them all.
    """

    run: Run
    _found: dict[str, Measure] = field(repr=False)
    manifest: Mapping[str, Any]
    folder: Path | None = None
    _changed: list[Path] = field(default_factory=list, repr=False)
    _shown: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    plot = PlotsOf(FIGURES)
    """The figures as methods."""

    @property
    def scenario(self) -> Scenario:
        """The scenario, resolved and complete."""
        return self.run.scenario

    @property
    def measures(self) -> Measures:
        """The headline numbers, each with its unit."""
        return Measures(self, self._found)

    @property
    def table_names(self) -> tuple[str, ...]:
        """Names of all tables, facts first."""
        return tuple(TABLES)

    def __getitem__(self, name: str) -> pd.DataFrame:
        """A table, to do with as one likes: the run computes from its own. `NoTableError` if there is none."""
        if name not in self._shown:
            self._shown[name] = self.run[name].copy(deep=_COPIES)
        return self._shown[name]

    def __getattr__(self, name: str) -> pd.DataFrame:
        """A table as an attribute."""
        # Private names and those asked for by copy and pickle must not look for a table.
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __dir__(self) -> list[str]:
        """All that can be asked for, tables among it."""
        return sorted({*super().__dir__(), *self.table_names})

    def __repr__(self) -> str:
        """The run in one line, without computing anything."""
        told = [f"<Results of {self.scenario.name!r}, seed {self.scenario.seed}"]
        if replication := self.manifest["replication"]:
            told.append(f", replication {replication}")
        if {"payments", "value", "settled_share", "delay"} <= self._found.keys():
            m = self._found
            told.append(
                f": {m['payments'].value:,} payments worth {m['value'].value:,.0f} {m['value'].unit}, "
                f"{m['settled_share'].value:.1%} settled, mean delay {m['delay'].value['mean']:.1f} h"
            )
        return "".join((*told, ">"))

    def _repr_html_(self) -> str:
        return results_html(repr(self)[1:-1], self._found)

    def save(
        self,
        target: str | Path,
        decorate: Callable[[Results, Path], None] | None = None,
        *,
        tables: Iterable[str] | None = None,
        force: bool = False,
        free: bool = False,
    ) -> Results:
        """Write the run folder, whole or not at all, and return the results as saved there.

        It holds the facts, the measures that were computed, and those derived tables that `tables` names, all by
        default; the others can be computed from the facts. `NoTableError` for a name that is no table.
        An earlier run at `target` is replaced if it has the same text (scenario, seed and payments), or with
        `force`; what the run did not write stays. With `free` nothing is replaced: the run takes the first free
        one of `target`, `target-2`, `target-3`, … `decorate` may add files to the folder before it takes its
        place. `ResultsError` if something else is there, `RunError` if it cannot be written.
        """
        chosen = saved_tables(tables)
        if free:
            with free_folder(Path(target)) as (place, folder):
                manifest = self._write(folder, chosen, decorate)
        else:
            with new_folder(target, Text.of(self.manifest), force=force) as folder:
                manifest = self._write(folder, chosen, decorate)
            place = Path(target) if ".." not in Path(target).parts else real_place(target)
        # All facts have been told, so that the world need not be kept for them.
        changed: list[Path] = []
        run = replace(self.run, source=Saved(place, manifest["tables"], changed), _remembered={})
        return replace(self, run=run, manifest=MappingProxyType(manifest), folder=place, _changed=changed)

    def save_figures(self, draw: Callable[[Results, Path], object]) -> list[Path]:
        """Draw the figures of a saved run again: what `draw` writes replaces the figures that the run wrote.

        Returns their paths; `RunError` if they cannot be written, `ResultsError` if the folder holds another run.
        """
        if self.folder is None:
            raise ResultsError("the run is not saved; figures go into its folder")
        with new_folder(self.folder, None, replaces=is_figure) as folder:
            if read_manifest(self.folder) != {**self.manifest}:
                raise ResultsError(f"{self.folder}: another run was saved here meanwhile; open it again")
            with believing(self):
                draw(self, folder / FIGURES_FOLDER)
            figures = {name: sha256_of(folder / name) for name in files_below(folder)}
            write_json(redrawn(self.manifest, figures), folder / MANIFEST)
        return [self.folder / name for name in figures]

    @property
    def changed(self) -> tuple[Path, ...]:
        """The files that turned out not to be as the run wrote them, of those that were read."""
        return tuple(self._changed)

    def _write(
        self, folder: Path, tables: Iterable[str], decorate: Callable[[Results, Path], None] | None
    ) -> dict[str, Any]:
        hashes = {
            name: write_table(self.run[name], TABLES[name].columns, folder / f"{name}.parquet")
            for name in tables
        }
        (folder / SCENARIO).write_text(to_yaml(as_saved(self.scenario)), encoding="utf-8")
        if self.scenario.fx is not None and self.scenario.fx.own_file() is not None:
            (folder / RATES_FILE).write_text(self.run.history.quotes.as_csv(), encoding="utf-8")
        measures = {name: measure._asdict() for name, measure in self.measures.items()}
        write_json(measures, folder / MEASURES_FILE)
        if decorate is not None:
            decorate(self, folder)
        manifest = sealed({**self.manifest, "tables": hashes}, folder)
        write_json(manifest, folder / MANIFEST)
        return manifest


def as_saved(scenario: Scenario) -> Scenario:
    """The scenario as it stands in a run folder, where rates of one's own stand beside it."""
    if scenario.fx is None:
        return scenario
    return scenario.model_copy(update={"fx": scenario.fx.kept_in(RATES_FILE)})


def saved_tables(tables: Iterable[str] | None) -> tuple[str, ...]:
    """The facts and the derived tables named, all by default; `NoTableError` for a name that is no table."""
    wanted = set(TABLES) if tables is None else {*tables}
    if unknown := sorted(wanted - TABLES.keys()):
        raise NoTableError(unknown[0], tuple(TABLES))
    return tuple(name for name, table in TABLES.items() if table.is_fact or name in wanted)


@dataclass(frozen=True)
class Saved:
    """A run folder as the source of tables; `changed` collects the files that are not as the run wrote them."""

    folder: Path
    hashes: Mapping[str, str]
    changed: list[Path]

    def table(self, name: str) -> pd.DataFrame | None:
        """A table as it was saved; None if it was not."""
        if name not in TABLES:
            return None
        there = name in self.hashes
        if TABLES[name].is_fact:
            if not there:
                raise ResultsError(f"{self.folder}: the run has no table {name!r}, which every run has")
        elif not there or not os.path.lexists(self.folder / f"{name}.parquet"):
            # It was not saved, or deleted since; the facts tell it again.
            return None
        found, intact = read_table(self.folder, name, TABLES[name].columns, self.hashes[name])
        if not intact:
            _tell_change(self.folder / f"{name}.parquet", self.changed)
        return found


@contextmanager
def believing(*runs: Results) -> Iterator[None]:
    """Use tables and measures as if they were ours; what fails on a changed one is a `ResultsError` that names it."""
    try:
        yield
    except SettlementError:
        raise
    except Exception as error:
        changed = [str(path) for run in runs for path in run.changed]
        if not changed:
            raise
        message = f"{', '.join(changed)}: changed since the run was saved, so that this cannot be computed"
        raise ResultsError(f"{message} ({type(error).__name__}: {error})") from None


def open_run(folder: str | Path) -> Results:
    """The results that a run left in `folder`; nothing is run again, and nothing else is needed.

    `ResultsError` if there are none, or if something in the folder cannot be read; a file that can be read but
    is not as the run wrote it is told by a `ResultsWarning`, a table when it is first used.
    """
    tidy(real_place(folder))
    folder = Path(folder)
    manifest = read_manifest(folder)
    measures = _read_measures(folder)
    file = inside(folder, SCENARIO)
    try:
        scenario = load_saved(file)
    except ScenarioError as error:
        raise ResultsError(f"{folder / SCENARIO}: not the scenario of a run; {error}") from None
    changed: list[Path] = []
    if not is_intact(manifest):
        _tell_change(folder / MANIFEST, changed)
    for name in (MEASURES_FILE, SCENARIO):
        if sha256_of(folder / name) != manifest["files"][name]:
            _tell_change(folder / name, changed)
    run = Run(scenario, Saved(folder, manifest["tables"], changed))
    found = Results(run, measures, MappingProxyType(manifest), folder=folder, _changed=changed)
    with believing(found):
        found._repr_html_()
    return found


def _tell_change(path: Path, changed: list[Path]) -> None:
    changed.append(path)
    warnings.warn(f"{path}: changed since the run was saved", ResultsWarning, stacklevel=3)


def _read_measures(folder: Path) -> dict[str, Measure]:
    found = {}
    for name, content in read_json(folder, MEASURES_FILE).items():
        if not (
            isinstance(content, dict)
            and {*content} == {*Measure._fields}
            and name in MEASURES
            and _is_unit(content["unit"], content["value"])
        ):
            raise ResultsError(f"{folder / MEASURES_FILE}: {name!r} is not a measure with its value and unit")
        found[name] = Measure(**content)
    return found


def _is_unit(unit: object, value: object) -> bool:
    """Whether a unit is a text, or has one for each number of a value."""
    if isinstance(unit, str):
        return True
    return (
        isinstance(unit, dict)
        and isinstance(value, dict)
        and unit.keys() == value.keys()
        and all(_is_unit(unit[key], value[key]) for key in unit)
    )
